"""One data folder never has two servers: across containers, private /tmp, kills and crashes."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import psutil
import pytest

from tests.support.console import clean_environment
from tests.support.waiting import PATIENCE, eventually

_HOLD = """
import sys
from pathlib import Path
from batch.errors import VodBatchError
from batch.ledger.embedded.server import Embedded
try:
    held = Embedded(Path(sys.argv[1]))
except VodBatchError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
print("up", flush=True)
sys.stdin.read()
held.close()
"""

_CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""Processes of its own, as in a container; the folders are the same."""

_OWN_MOUNTS = ["unshare", "--mount"]
_ROOT = Path(__file__).parents[3]


def _private_tmp(home: Path) -> list[str]:
    """Return the wrapper that gives a /tmp of its own, as ``PrivateTmp=yes`` of systemd does.

    The rest is the same; our checkout, its interpreter in it, comes back where it was, for it may
    lie in /tmp.
    """
    code = home.parent / "code"
    code.mkdir(exist_ok=True)
    hide = f"mount --bind {_ROOT} {code} && mount -t tmpfs none /tmp"
    show = f"mkdir -p {_ROOT} && mount --bind {code} {_ROOT}"
    return [*_OWN_MOUNTS, "sh", "-c", f'{hide} && {show} && exec "$0" "$@"']


Holder: TypeAlias = "subprocess.Popen[str]"
Done: TypeAlias = "subprocess.CompletedProcess[str]"


def _works(wrapper: list[str]) -> bool:
    try:
        return subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


needs_namespaces = pytest.mark.skipif(
    not (_works(_CONTAINER) and _works(_OWN_MOUNTS)),
    reason="namespaces of our own are not allowed here (unshare)",
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home outside of /tmp, which others may see as another folder."""
    folder = Path(tempfile.mkdtemp(prefix="vb", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder / "home"
    finally:
        for server in _servers(folder / "home"):
            with contextlib.suppress(psutil.NoSuchProcess):
                server.kill()
                server.wait(PATIENCE)
        shutil.rmtree(folder)


def _servers(home: Path) -> list[psutil.Process]:
    """Return the postmasters on the data folders, of every namespace below ours."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "postgres" and Path(process.cwd()).is_relative_to(home):
                found[process.pid] = (process, process.ppid())
    return [process for process, parent in found.values() if parent not in found]


def _environment(home: Path) -> dict[str, str]:
    return clean_environment(home.parent) | {"VOD_BATCH_HOME": str(home)}


@contextlib.contextmanager
def _holder(home: Path, *wrapper: str) -> Iterator[Holder]:
    """Use the server from a process of its own; end it by closing its standard input."""
    process = subprocess.Popen(
        [*wrapper, sys.executable, "-c", _HOLD, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(home),
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _first_line(process: Holder) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _end(process: Holder) -> None:
    assert process.stdin
    process.stdin.close()
    assert process.wait(PATIENCE) == 0


def _status(home: Path, *wrapper: str) -> Done:
    return subprocess.run(
        [*wrapper, sys.executable, "-m", "batch", "status"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=_environment(home),
    )


def _refused(done: Done) -> None:
    assert done.returncode == 69, done
    line = done.stderr.splitlines()[-1]
    assert "out of reach" in line
    assert "VOD_BATCH_DATABASE_URL" in line


@needs_namespaces
def test_two_containers_on_one_volume_never_have_two_servers(home: Path) -> None:
    """The second is refused in one line, whichever of them is inside; after the first it works."""
    for first, second in (([], _CONTAINER), (_CONTAINER, [])):
        with _holder(home, *first) as holder:
            assert _first_line(holder) == "up"
            _refused(_status(home, *second))
            assert len(_servers(home)) == 1
            _end(holder)
        done = _status(home, *second)
        assert done.returncode == 0, done.stderr
        assert not _servers(home)


@needs_namespaces
def test_two_containers_that_start_together(home: Path) -> None:
    """One gets the folder, also when it is still empty."""
    with _holder(home, *_CONTAINER) as one, _holder(home, *_CONTAINER) as two:
        told = sorted([_first_line(one), _first_line(two)])
        assert told[1] == "up"
        assert "out of reach" in told[0]
        assert len(_servers(home)) == 1


@needs_namespaces
def test_a_private_tmp_joins_the_server_and_keeps_it(home: Path) -> None:
    """The socket lies in the data folder; the last of them stops the server, from either side."""
    with _holder(home) as outside, _holder(home, *_private_tmp(home)) as inside:
        assert [_first_line(outside), _first_line(inside)] == ["up", "up"]
        (server,) = _servers(home)
        _end(outside)
        assert _servers(home) == [server]
        _end(inside)
        assert not _servers(home)


@needs_namespaces
def test_a_container_that_was_killed_leaves_the_folder_usable(home: Path) -> None:
    """All of its processes are gone at once, and their lock with them."""
    with _holder(home, *_CONTAINER) as holder:
        assert _first_line(holder) == "up"
        holder.kill()
        holder.wait(PATIENCE)
        eventually(lambda: not _servers(home), "the container's end")
    assert (home / "postgres" / "postmaster.pid").exists()
    assert _status(home, *_CONTAINER).returncode == 0


def test_a_number_that_is_another_process_by_now_is_not_the_server(home: Path) -> None:
    """In a new container the pid that a crash left is soon somebody else's."""
    assert _status(home).returncode == 0
    left = "\n".join(
        [str(os.getpid()), str(home / "postgres"), "0", "5432", str(home / "postgres"), "", "1 1"]
    )
    pid_file = home / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{left}\nready\n")
    owner = (home / "postgres").stat()
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    done = _status(home)
    assert done.returncode == 0, done.stderr


def test_a_killed_command_leaves_its_server_to_the_next(home: Path) -> None:
    """It still holds the lock, is joined, and is stopped by who comes next."""
    with _holder(home) as holder:
        assert _first_line(holder) == "up"
        holder.kill()
        holder.wait(PATIENCE)
    (server,) = _servers(home)
    assert not _lock_is_free(home)
    with _holder(home) as second:
        assert _first_line(second) == "up"
        assert _servers(home) == [server]
        _end(second)
    assert not _servers(home)
    eventually(lambda: _lock_is_free(home), "the end of the lock")


def _lock_is_free(home: Path) -> bool:
    with (home / "postgres.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_lock_without_a_socket_is_refused(home: Path) -> None:
    """Held by who is not seen, on a folder where nobody answers: nothing is started."""
    home.mkdir()
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _refused(_status(home))
        assert not _servers(home)
    assert _status(home).returncode == 0


@needs_namespaces
def test_a_path_too_long_for_a_socket_is_joined_from_any_tmp(home: Path) -> None:
    """The socket lies in the data folder; everybody makes a way of their own to it."""
    deep = home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with _holder(deep) as holder:
        assert _first_line(holder) == "up"
        (server,) = _servers(deep)
        other = home.parent / "tmp"
        other.mkdir()
        for wrapper in (_private_tmp(home), ["env", f"TMPDIR={other}"]):
            done = _status(deep, *wrapper)
            assert done.returncode == 0, done.stderr
            assert _servers(deep) == [server]
        _end(holder)
    assert not _servers(deep)
