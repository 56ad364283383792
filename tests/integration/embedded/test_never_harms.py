"""The embedded server is a guest: no process is signalled and no permission changed but its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from batch.ledger.embedded import postmaster
from batch.ledger.embedded.server import Embedded
from tests.support.waiting import PATIENCE, eventually

_STRANGER = "import sys; print('up', flush=True); sys.stdin.read()"


def ask(url: str) -> int:
    """Let the server of ``url`` answer."""

    async def select() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("SELECT 41 + 1"))
        finally:
            await connection.close()

    return asyncio.run(select())


@contextmanager
def _stranger(*words: str, program: str = sys.executable) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that has nothing to do with us; it must live to the end of the block."""
    process = subprocess.Popen(
        [program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield process
        assert process.poll() is None, "a stranger was killed"
        process.kill()


def _leave_pid_file(data: Path, pid: int, port: str = "5432") -> None:
    """Leave what a crash does; the number is somebody else's by now."""
    owner = data.stat()
    for name, text in (
        ("postmaster.pid", f"{pid}\n{data}\n1700000000\n{port}\n{data}\n\n 1 1\nready\n"),
        (".s.PGSQL.5432.lock", f"{pid}\n{data}\n1700000000\n5432\n{data}\n"),
    ):
        (data / name).write_text(text)
        os.chown(data / name, owner.st_uid, owner.st_gid)


@pytest.mark.parametrize("port", ["5432", ""])
def test_a_stranger_with_the_number_of_a_stale_pid_file_lives(
    new_home: Callable[[], Path], port: str
) -> None:
    """Neither a start nor a stop takes it for the server, however much of the file is left."""
    home = new_home()
    with _stranger("-c", _STRANGER) as stranger:
        _leave_pid_file(home / "postgres", stranger.pid, port)
        embedded = Embedded(home)
        assert ask(embedded.url) == 42
        embedded.close()


@pytest.mark.parametrize("is_made", [True, False])
def test_a_stranger_that_looks_like_the_server_lives(
    new_home: Callable[[], Path], folder: Path, is_made: bool
) -> None:
    """It is called ``postgres``, and our folder is among its words: as an editor, or a backup."""
    home = new_home() if is_made else folder / "home"
    script = folder / "postgres"
    script.write_text("#!/bin/sh\necho up\nread x\n")
    script.chmod(0o755)
    with _stranger(str(home / "postgres"), program=str(script)) as stranger:
        if is_made:
            _leave_pid_file(home / "postgres", stranger.pid)
        embedded = Embedded(home)
        assert ask(embedded.url) == 42
        embedded.close()


def test_a_server_that_an_operator_started_is_joined_and_left_running(
    new_home: Callable[[], Path],
) -> None:
    """We did not start it, so it is not ours to stop."""
    home = new_home()
    first = Embedded(home)
    server = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    words, folder, owner = server.cmdline(), server.cwd(), server.uids().real
    first.close()
    own = {"user": owner, "group": owner, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.DEVNULL, **own) as theirs:
        status = home / "postgres" / "postmaster.pid"
        eventually(lambda: status.exists() and "ready" in status.read_text(), "their server")
        second = Embedded(home)
        assert ask(second.url) == 42
        second.close()
        assert theirs.poll() is None, "their server was stopped"
        theirs.terminate()


def test_no_permission_changes_outside_of_the_data_folder(folder: Path) -> None:
    """A home in a folder that only its owner may enter, as ``/root`` is."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    above = [closed, *closed.parents, Path(sys.prefix)]
    before = [path.stat().st_mode for path in above]
    embedded = Embedded(home)
    assert ask(embedded.url) == 42
    assert [path.stat().st_mode for path in above] == before
    embedded.close()
    again = Embedded(home)
    again.close()
    assert [path.stat().st_mode for path in above] == before


def test_a_frozen_server_keeps_nobody(
    new_home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked to end, and left to it; it does when it wakes up."""
    monkeypatch.setattr(postmaster, "_STOPPING_SECONDS", 1.0)
    home = new_home()
    embedded = Embedded(home)
    server = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    server.suspend()
    embedded.close()
    server.resume()
    assert server.wait(PATIENCE) in (0, None)


def test_a_fork_of_ours_takes_nothing_along(new_home: Callable[[], Path]) -> None:
    """Its end is not the end of our use."""
    home = new_home()
    words = "import os,sys; from pathlib import Path\n"
    words += "from batch.ledger.embedded.server import Embedded\n"
    words += "held = Embedded(Path(sys.argv[1]))\n"
    words += "sys.exit(0) if os.fork() == 0 else os.wait()\n"
    words += "print((Path(sys.argv[1]) / 'postgres' / 'postmaster.pid').exists())\n"
    done = subprocess.run(
        [sys.executable, "-c", words, str(home)], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
