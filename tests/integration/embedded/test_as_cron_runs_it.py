"""Commands as cron and containers start them: few processes, each in the worst of their rooms."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.ledger.migrate import migrations_folder
from tests.integration.embedded.test_one_server import _servers, needs_namespaces
from tests.support.console import Console
from tests.support.waiting import PATIENCE

_CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
_BARE = ["env", "-i", "LC_ALL=C", f"PYTHONPATH={migrations_folder().parent}"]
_CLOSED = 'umask 000; cd /; exec "$0" -m batch "$@" <&- >&- 2>&-'
_LIST = "media_id\n" + "".join(f"{number:032x}\n" for number in range(1, 9))


def _run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=PATIENCE
    )


def test_nothing_in_the_environment_and_every_stream_closed(
    new_home: Callable[[], Path], folder: Path
) -> None:
    """No PATH, no HOME, no locale, no umask; then as the first process, with another TMPDIR."""
    home = new_home()
    (folder / "list é.csv").write_text(_LIST)
    (folder / "tmp").mkdir()
    bare = [*_BARE, f"VOD_BATCH_HOME={home}"]
    loaded = _run(*bare, "/bin/sh", "-c", _CLOSED, sys.executable, "load", folder / "list é.csv")
    assert loaded.returncode == 0
    assert not _servers(home)
    found = _run("find", home, "!", "-type", "l", "-perm", "/022")
    assert not found.stdout, "others may write there"
    first = _CONTAINER if os.geteuid() == 0 else []
    there = [*bare, f"TMPDIR={folder / 'tmp'}", sys.executable, "-m", "batch"]
    exported = _run(*first, *there, "export")
    assert exported.returncode == 0, exported.stderr
    assert len(exported.stdout.splitlines()) == 9
    assert not _servers(home)


@needs_namespaces
def test_the_first_process_gets_sigterm_while_it_loads(tmp_path: Path) -> None:
    """The kernel hands such a process no signal that it does not listen to: it would run on."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "raise SystemExit('SIGTERM was lost')\n"
    )
    path = f"PYTHONPATH={tmp_path}:{migrations_folder().parent}"
    done = _run(*_CONTAINER, "env", path, sys.executable, "-m", "batch", "--help")
    assert (done.returncode, done.stderr) == (143, "")


@needs_namespaces
def test_a_root_that_is_read_only(console: Console, folder: Path) -> None:
    """With a database elsewhere only the journal needs a place to write."""
    journal, media = folder / "journal", folder / "list.csv"
    journal.mkdir()
    media.write_text(_LIST)
    own = console.having(VOD_BATCH_JOURNAL=journal, VOD_BATCH_HOME="/nowhere/home")
    own.run("load", str(media))
    mounts = f"mount -t tmpfs none '{journal}' && mount -o remount,bind,ro /"
    words = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$0" -m batch "$@"']
    for command in ("submit", "status"):
        done = subprocess.run(
            [*words, sys.executable, command],
            cwd="/", env=own.environment, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "submitted" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_named(folder: Path) -> None:
    """One line, with the way out."""
    folder.chmod(0o555)
    done = _run(
        *_BARE, f"VOD_BATCH_HOME={folder / 'home'}", sys.executable, "-m", "batch", "status"
    )
    assert done.returncode == 69
    assert str(folder / "home") in done.stderr
