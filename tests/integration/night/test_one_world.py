"""A night opens its world once, whatever it does in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.shift import Shift

ROOT = Path(__file__).parents[3]


def _counted(shift: Shift, *, code: int = 0) -> dict[str, int]:
    """Run a night in a process that counts what it opens."""
    told = shift.console.home / "counts.json"
    environment = shift.console.environment | {"PYTHONPATH": str(ROOT)}
    words = ["-m", "tests.support.counted", str(told), "nightly", str(shift.inbox)]
    done = subprocess.run(
        [sys.executable, *words], cwd=shift.console.home, env=environment, capture_output=True
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(told.read_text(encoding="utf-8")))


@pytest.fixture
def shift(make_shift: MakeShift) -> Shift:
    """A night shift with each of its steps: looks, canaries, jobs that exist already, a budget."""
    return make_shift(
        VOD_BATCH_CANARY="2", VOD_BATCH_SKIP_EXISTING="always", VOD_BATCH_LOOKUP_QPS="1000",
        VOD_BATCH_BUDGET="1000", VOD_BATCH_PRICES='{"AIMediaDNA": "0.05"}',
    )  # fmt: skip


def test_a_night_of_200_rows_opens_everything_once(shift: Shift) -> None:
    """Lists, looks, canaries, submit, reconcile, report: one session from the lock to the page."""
    shift.drop("a.csv", range(200))
    counts = _counted(shift)
    assert shift.states() == {"succeeded": 200}
    once = {"pool", "schema check", "cloud client", "credential chain", "journal replay",
            "look at the server's place", "statement find_target"}  # fmt: skip
    assert {name: counts.get(name, 0) for name in once} == dict.fromkeys(once, 1)
    connections = {name: n for name, n in counts.items() if name.startswith("connection ")}
    assert connections.pop("connection vod-batch nightly") == 1  # the session that holds the lock
    assert set(connections) == {"connection vod-batch"}  # the pool's
