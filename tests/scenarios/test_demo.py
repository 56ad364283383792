"""The demo on a bare machine: nothing set up before, nothing left behind."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.console import Console
from tests.support.waiting import PATIENCE, eventually


@pytest.fixture
def bare(tmp_path: Path) -> Console:
    """A console with an empty home and no setting at all."""
    home = tmp_path / "h"
    home.mkdir()
    for folder in (tmp_path, home):
        folder.chmod(0o755)
    return Console(home)


def _left_behind(home: Path) -> list[str]:
    """Return the processes that have to do with ``home``, by what they were started with."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(home) in words and process.pid != os.getpid():
            found.append(words)
    return found


def _interrupt(bare: Console) -> None:
    """Start the demo, and end it as a terminal does once it submits."""
    with bare.started("demo") as demo:
        assert demo.stdout
        for line in demo.stdout:
            if line.startswith("2. submit"):
                break
        shown = psutil.Process(demo.pid)
        family = eventually(lambda: shown.children(recursive=True), "the emulator beside the demo")
        os.killpg(demo.pid, signal.SIGINT)
        demo.stdout.read()
        demo.wait(PATIENCE)
    assert demo.returncode in (0, 5, 130)
    eventually(lambda: not any(one.is_running() for one in family), "the end of its children")
    eventually(lambda: not _left_behind(bare.home), "the end of the demo's processes")


@pytest.mark.long
def test_the_demo_needs_nothing_and_leaves_nothing(bare: Console) -> None:
    """Interrupted it leaves no process behind; run again in the same home it ends with 0."""
    _interrupt(bare)
    told = bare.run("demo", within=2 * PATIENCE).stdout
    assert told.startswith("vod-batch demo: an embedded PostgreSQL and an emulator of the cloud")
    for words in ("1. load", "2. submit", "3. what the emulator", "Try next:"):
        assert words in told
    assert "paid twice           0" in told
    eventually(lambda: not _left_behind(bare.home), "the end of the demo's processes")
    shown = bare.having(VOD_BATCH_HOME=bare.home / ".vod-batch" / "demo")
    assert '"pending": 0' in shown.run("status", "--json").stdout
