"""Whose the process is: a command's, which hears signals, or a program's that calls ours.

Apart from what hears them, so that a command which only looks loads no event loop.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_are_ours: ContextVar[bool] = ContextVar("_are_ours", default=False)


@contextlib.contextmanager
def ours_to_hear() -> Iterator[None]:
    """Let runs within the block hear signals: the process is ours, as a command's is.

    A program that calls ours has its own way with them, and in a thread none are heard at all.
    """
    before = _are_ours.set(True)
    try:
        yield
    finally:
        _are_ours.reset(before)


def are_ours() -> bool:
    """Whether signals are ours to hear."""
    return _are_ours.get()
