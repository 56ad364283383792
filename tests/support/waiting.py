"""Meeting at a signal instead of sleeping for a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 180.0
"""Seconds until a test gives up; generous, machines may be slow and busy."""

_PAUSE = 0.02
_T = TypeVar("_T")


def eventually(
    look: Callable[[], _T], what: str = "what is awaited", within: float = PATIENCE
) -> _T:
    """Return the first true result of ``look``; fail when there is none in time."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {within:g} s"
        time.sleep(_PAUSE)
    return found


async def soon(
    look: Callable[[], Awaitable[_T]], what: str = "what is awaited", within: float = PATIENCE
) -> _T:
    """Return the first true result of the coroutine function ``look``; fail without one in time."""
    deadline = time.monotonic() + within
    while not (found := await look()):
        assert time.monotonic() < deadline, f"{what} did not come within {within:g} s"
        await asyncio.sleep(_PAUSE)
    return found
