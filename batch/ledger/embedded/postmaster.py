"""One server on a data folder, whichever process starts it and wherever that runs.

PostgreSQL knows a running server by the process id in a file. In a new container, or after a crash,
that number is soon another process. So nothing here believes a number that it reads: the server
holds a lock on a file beside its data folder, which it inherits as an open descriptor. The lock
lasts exactly as long as a process of the server, is seen through every mount of the folder, and a
crash leaves nothing. Who answers at the server's socket is known from the kernel, and only that
process, looked at and found to be the server of this folder, is ever sent a signal.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import structlog

from batch.errors import DatabaseUnavailableError
from batch.ledger.embedded.cluster import check_owner, is_being_made, prepare_cluster
from batch.ledger.embedded.locks import held_lock, try_lock
from batch.ledger.embedded.programs import start_server
from batch.ledger.embedded.sightings import (
    Listener,
    find_server,
    forget_server,
    read_pid,
    serves,
    who_answers,
    word_of,
)

LOCK = "postgres.lock"
"""In ``home``: held by the server itself, for its life."""

_LEAVING_SECONDS = 5.0
"""How long a server that answers nobody may still hold its lock."""

_PATIENCE_SECONDS = 1800.0
"""How long a recovery is waited for; it goes on without us."""

_STOPPING_SECONDS = 60.0
"""How long a stop is waited for."""

_SAY_SECONDS = 3.0
"""After so long, and then at ever longer intervals, the wait is logged."""

_POLL_SECONDS = 0.02

_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_children: dict[Path, "subprocess.Popen[bytes]"] = {}
"""The servers that this process started, by data folder: it must read their ends."""


class Postmaster:
    """The server of one data folder, as this process sees it. Its callers take turns."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def ensure_running(self) -> None:
        """Join the server that answers, or start one where surely none is alive.

        Raises:
            VodBatchError: it does not start, or is not ours to use; with what to do.
        """
        check_owner(self._data)
        wait = BoundedWait(self._data)
        with held_lock(self._data.parent / LOCK) as lock:
            while True:
                is_free, answer = try_lock(lock), who_answers(self._data)
                if is_free and answer is Listener.NOBODY:
                    self._start(lock)
                    return
                self._check_reach(answer, wait.seconds)
                state = word_of(self._data)
                if answer is Listener.OURS and state == "ready":
                    return
                if is_free:  # a server that we did not start comes up, or ends
                    fcntl.flock(lock, fcntl.LOCK_UN)
                wait.a_moment(state)

    def stop(self) -> None:
        """Stop the server, if it is ours: one that holds our lock and answers at our socket.

        One that takes very long, or is frozen, is left to end when it can: who has done their work
        shall end too. The next command meets it.
        """
        wait, is_asked = BoundedWait(self._data), False
        with held_lock(self._data.parent / LOCK) as lock:
            while not try_lock(lock):
                is_asked = is_asked or self._ask_to_stop()
                if wait.seconds > (_STOPPING_SECONDS if is_asked else _LEAVING_SECONDS):
                    return
                wait.a_moment("stopping")
        if child := _children.pop(self._data, None):
            child.wait()

    def _ask_to_stop(self) -> bool:
        try:
            if server := find_server(self._data):
                server.send_signal(signal.SIGINT)  # it cuts its clients off, and ends cleanly
                return True
        except psutil.Error:  # it ended by itself
            pass
        return False

    def _check_reach(self, answer: Listener, seconds: float) -> None:
        """Refuse a server that is alive, and not to be reached from here."""
        is_silent = answer is Listener.NOBODY and seconds > _LEAVING_SECONDS
        if (is_silent and not is_being_made(self._data)) or answer is Listener.FOREIGN:
            raise _out_of_reach(self._data.parent)

    def _start(self, lock: int) -> None:
        """Start a server that holds ``lock``, and wait until it is ready."""
        if child := _children.pop(self._data, None):
            child.wait()  # its lock is free, so it has ended
        account = prepare_cluster(self._data, lock)
        self._forget_dead_server()
        wait = BoundedWait(self._data)
        try:
            with _opened_log(self._data) as server_log, _signals_put_off():
                os.fchown(server_log, account.uid, account.gid)
                beginning = os.fstat(server_log).st_size
                child = start_server(self._data, account, log=server_log, kept_open=[lock])
                _children[self._data] = child
            while word_of(self._data, child.pid) != "ready":
                if child.poll() is not None:
                    raise DatabaseUnavailableError(
                        f"the embedded PostgreSQL under {self._data} does not start "
                        f"({_last_word(self._data, beginning)}); see {self._data / 'log'}, or set "
                        "VOD_BATCH_DATABASE_URL to a server of yours"
                    )
                wait.a_moment("starting")
        except DatabaseUnavailableError:
            raise
        except BaseException:
            # Interrupted while it comes up: nobody waits for it any more.
            started = _children.get(self._data)
            if started and started.poll() is None:
                started.send_signal(signal.SIGINT)
            raise

    def _forget_dead_server(self) -> None:
        """Drop what a server left that died: PostgreSQL would believe the number in it.

        Raises:
            DatabaseUnavailableError: a server that we did not start is alive and does not answer.
        """
        pid = read_pid(self._data)
        if pid and serves(pid, self._data):
            raise DatabaseUnavailableError(
                f"the PostgreSQL with process id {pid} uses {self._data} and does not answer; it "
                "is none that vod-batch started: end it, then start the command again"
            )
        forget_server(self._data)


class BoundedWait:
    """A wait for the server, which says that it waits and ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._began_at = time.monotonic()
        self._say_after = _SAY_SECONDS

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began_at

    def a_moment(self, state: str) -> None:
        """Wait a little.

        Raises:
            DatabaseUnavailableError: it has lasted too long.
        """
        if self.seconds > _PATIENCE_SECONDS:
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL under {self._data} is {state or 'busy'} for "
                f"{self.seconds / 60:.0f} minutes now; see {self._data / 'log'}, then start the "
                "command again"
            )
        if self.seconds > self._say_after:
            self._say_after *= 3
            self._say(_WORDS.get(state, _WORDS[""]))
        time.sleep(_POLL_SECONDS)

    def _say(self, words: str) -> None:
        seconds, log = round(self.seconds), str(self._data / "log")
        if structlog.is_configured():
            structlog.get_logger().warning(words, seconds=seconds, log=log)
        else:  # a command that only looks has nothing else to log
            sys.stderr.write(f"{words}: {seconds} s so far, see {log}\n")


_WORDS = {
    "stopping": "waiting until the embedded PostgreSQL has stopped",
    "": "waiting for the embedded PostgreSQL, which recovers or starts",
}


@contextlib.contextmanager
def _signals_put_off() -> Iterator[None]:
    """Hear signals after the block: amid a start, one would leave a server that nobody knows.

    PostgreSQL inherits that, and then listens to what it needs.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _opened_log(data: Path) -> Iterator[int]:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    opened = os.open(data / "log", flags, 0o600)
    try:
        yield opened
    finally:
        os.close(opened)


def _last_word(data: Path, beginning: int) -> str:
    """Return the line of the log, after ``beginning``, that best says why the server ended."""
    with (data / "log").open("rb") as file:
        file.seek(beginning)
        lines = file.read(100_000).decode(errors="replace").splitlines()
    worst = [line for line in lines if "FATAL" in line or "PANIC" in line] or lines[-1:]
    return worst[0].strip()[:300] if worst else "it wrote nothing"


def _out_of_reach(home: Path) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"another vod-batch uses {home}, and its PostgreSQL is out of reach from here: it runs in "
        "another container. Wait until it has ended, or give both one server by "
        "VOD_BATCH_DATABASE_URL, or each a VOD_BATCH_HOME of its own"
    )
