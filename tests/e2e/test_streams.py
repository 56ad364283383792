"""The standard streams, closed by a shell or behind them a full disk; a signal amid a load."""

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios

import pytest

from tests.support.console import Console
from tests.support.ledger import media
from tests.support.waiting import eventually


def _shell(console: Console, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of shell in which ``$V`` is the program."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=console.home,
        env=console.environment | {"V": f"{sys.executable} -m batch"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def loaded(console: Console) -> Console:
    (console.home / "list.csv").write_text(f"{media(1)}\n{media(2)}\n", encoding="utf-8")
    console.run("load", "list.csv")
    return console


@pytest.mark.parametrize(
    "words", ["export", "export --format jsonl", "status", "status --json", "plan", "--help"]
)
def test_results_on_a_full_disk_are_one_line_and_69(loaded: Console, words: str) -> None:
    ended = _shell(loaded, f"$V {words} > /dev/full")
    assert ended.returncode == 69
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vod-batch: cannot write the results to standard output: No space left")


@pytest.mark.parametrize("closing", [">&-", "2>&-", "2>/dev/full"])
def test_a_run_pays_and_ends_well_without_its_output(loaded: Console, closing: str) -> None:
    """Also a full disk under the log stops no paid work."""
    ended = _shell(loaded, f"$V submit {closing}")
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)
    assert loaded.run("export").stdout.count(",submitted,") == 2


@pytest.mark.parametrize("closing", ["2>&-", "2>/dev/full"])
def test_an_error_that_cannot_be_printed_keeps_its_code(loaded: Console, closing: str) -> None:
    assert _shell(loaded, f"$V load nowhere.csv {closing}").returncode == 64


@pytest.mark.parametrize("words", ["load -", "retry --yes --ids -", f"retry {media(1)}"])
def test_closed_standard_input_is_said_so(loaded: Console, words: str) -> None:
    ended = _shell(loaded, f"$V {words} <&-")
    assert ended.returncode == 64
    assert len(ended.stderr.splitlines()) == 1


def test_a_locale_without_the_characters_loses_no_row(loaded: Console) -> None:
    latin = loaded.having(PYTHONIOENCODING="ascii")
    (loaded.home / "名.csv").write_text(f"{media(3)}\n", encoding="utf-8")
    loaded.run("load", "名.csv")
    assert latin.run("export").stdout.count("\n") == 1 + 3


@pytest.mark.parametrize("lines", [10, 300_000])
def test_a_load_that_is_stopped_says_nothing(console: Console, lines: int) -> None:
    """Waiting for its input, or with a statement on the way: 143, and nothing of the list."""
    load = subprocess.Popen(
        [sys.executable, "-m", "batch", "load", "-"],
        cwd=console.home, env=console.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with load:
        assert load.stdin
        assert load.stdout
        pipe = load.stdin.fileno()
        # Once the pipe took all, the load is reading, and what is missing is only the end.
        load.stdin.write(b"".join(b"%d\n" % number for number in range(lines)))
        load.stdin.flush()
        eventually(lambda: _is_drained(pipe), "the load to read")
        os.kill(load.pid, signal.SIGTERM)
        told = load.stdout.read()
        assert (load.wait(), told) == (143, b"")
    assert console.run("export").stdout.count("\n") == 1


def _is_drained(pipe: int) -> bool:
    """Tell whether all that was written to the pipe has been taken from it."""
    left = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0] == 0
