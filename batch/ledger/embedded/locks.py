"""Locks on files, which the kernel releases when their process dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def open_lock(path: Path) -> int:
    """Open the file of a lock, made where it is missing; what it holds is nothing to anybody.

    The descriptor is none of the first three: a child would lose it to a stream of its own.
    """
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(opened)


@contextlib.contextmanager
def held_lock(path: Path) -> Iterator[int]:
    """Yield a descriptor to lock ``path`` with; it is closed with the block."""
    lock = open_lock(path)
    try:
        yield lock
    finally:
        os.close(lock)


def try_lock(lock: int) -> bool:
    """Take the lock for ourselves alone; return whether that worked."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
