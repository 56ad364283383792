"""Who uses the embedded server: counted by locks, which the kernel takes back from the dead.

A list of process ids in a file would be torn by a kill, and true in one container only.
"""

import atexit
import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from batch.ledger.embedded.locks import held_lock, open_lock, try_lock
from batch.ledger.embedded.postmaster import BoundedWait, Postmaster

_TURNS = "postgres.turns"
"""In ``home``: held while somebody starts or stops the server, or joins its users."""

_USERS = "postgres.users"
"""In ``home``: every process that uses the server shares a lock on it, for as long as it lives."""

_uses: dict[Path, "Use"] = {}
_guard = threading.RLock()


class Use:
    """This process's use of one data folder, by any number of handles."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._handles = 0
        self._users = -1
        self._process = 0
        self.postmaster = Postmaster(data)

    @classmethod
    def join(cls, data: Path) -> "Use":
        """Return the use of ``data`` with one more handle; the server runs."""
        with _guard:
            use = _uses.get(data) or cls(data)
            if not use._handles:
                use._begin()
            use._handles += 1
            _uses[data] = use
            return use

    def leave(self) -> None:
        """Give one handle back."""
        with _guard:
            self._handles -= 1
            if not self._handles:
                del _uses[self._data]
                self._end()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until nobody else starts or stops the server, and keep it so for the block."""
        wait = BoundedWait(self._data)
        with held_lock(self._data.parent / _TURNS) as lock:
            while not try_lock(lock):
                wait.a_moment("")
            yield

    def _begin(self) -> None:
        with self.turn():
            self._users = open_lock(self._data.parent / _USERS)
            try:
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self.postmaster.ensure_running()
            except BaseException:
                os.close(self._users)
                raise
        self._process = os.getpid()
        atexit.register(self._end)

    def _end(self) -> None:
        atexit.unregister(self._end)
        if os.getpid() != self._process:
            return  # a fork of the one that uses it, whose lock it would give away
        with self.turn():
            is_last = try_lock(self._users)
            os.close(self._users)
            if is_last:
                self.postmaster.stop()
