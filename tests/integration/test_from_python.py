"""The commands' work from Python, as the README shows it word for word."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import media, write_csv

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_loads_plans_submits_reconciles_and_spends_a_night(
    console: Console, emulator: Emulator
) -> None:
    """Nobody looks on; each media is paid once, and the night's list lies beside its results."""
    [code] = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    write_csv(console.home / "media.csv", [media(n) for n in range(4)])
    lists = console.home / "lists"
    lists.mkdir()
    write_csv(lists / "new.csv", [media(n) for n in range(2, 7)])
    fast = console.having(VOD_BATCH_TYPE="AIMediaDNA", VOD_BATCH_SETTLED_AFTER="1ms",
                          VOD_BATCH_POLL_QPS="1000", VOD_BATCH_QPS="1000")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=fast.home, env=fast.environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *lines, night = done.stdout.splitlines()
    assert lines == ["loaded: 4", "due: 4 in 4 requests", "submitted: 4", "succeeded: 4"]
    assert night.startswith("night: DONE {")
    assert "'succeeded': 7" in night
    assert emulator.meter()["jobs"] == 7
    assert (lists / "done" / "new.csv.results.csv").exists()
