"""One exit code for every bad value of a flag, and no colours where nobody wants them."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.console import Console
from tests.support.ledger import media, write_csv

BAD = [
    ["submit", "--qps", "0"], ["submit", "--qps", "many"], ["submit", "--concurrency", "0"],
    ["submit", "--max-submissions", "-1"], ["submit", "--budget", "-1"],
    ["submit", "--skip-existing", "maybe"], ["submit", "--until", "25:00"],
    ["submit", "--timezone", "Mars/Base"], ["submit", "--max-duration", "5"],
    ["submit", "--grace", "0s"], ["submit", "--log", "loud"], ["submit", "--account", "a b"],
    ["submit", "--region", ""], ["submit", "--endpoint", "ftp://x"],
    ["status", "--database-url", "somewhere"], ["status", "--database-url", "mysql://h/d"],
    ["status", "--database-url", "postgresql://u@127.0.0.1:99999/d"],
    ["status", "--database-url", "postgresql://u@h/d?sslmod=require"],
    ["reconcile", "--settle", "soon"], ["load", "x.csv", "--type", "film"],
    ["load", "x.csv", "--campaign", "a b"], ["load", "x.csv", "--priority", "99999"],
    ["load", "x.csv", "--max-bad", "101"], ["load", "x.csv", "--config", "{"],
    ["load", "x.csv", "--encoding", "klingon"], ["load", "x.csv", "--column", " "],
    ["retry", "--type", "film"], ["retry", "--state", "gone"], ["retry", "--batch", "0"],
    ["export", "--format", "xml"], ["report", "--run", "last"], ["doctor", "--accept", "all"],
    ["emulator", "--port", "99999"], ["selftest", "--rounds", "-1"],
    ["nightly", "x", "--print-page", "never"],
]  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_a_bad_value_of_a_flag_ends_with_64(console: Console, words: list[str]) -> None:
    """Whoever finds it out: the parser, the settings, or the command."""
    console.run(*words, code=64)


def test_no_colour_is_obeyed(console: Console) -> None:
    """By the bar of a run, by logs and by tables, all on a terminal."""
    path = write_csv(console.home / "a.csv", [media(n) for n in range(3)])
    quiet = console.having(NO_COLOR=1, TERM="xterm-256color")
    for words in (["load", str(path)], ["submit"], ["status"], ["submit", "--log", "attempts"]):
        shown = _on_a_terminal(quiet, *words)
        assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|4[0-7]|9[0-7]|38|48)[;m]", shown), shown
    assert re.search(r"\x1b\[\d*;?3\dm", _on_a_terminal(quiet.having(NO_COLOR=None), "submit"))


def _on_a_terminal(console: Console, *words: str) -> str:
    """Run a command to its end, and return what its terminal got."""
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "batch", *words]
    with subprocess.Popen(
        command, cwd=console.home, env=console.environment, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # a terminal that nobody writes to any more
            while part := os.read(master, 65536):
                shown += part
    os.close(master)
    assert process.returncode == 0, shown
    return shown.decode()
