"""How long PostgreSQL is waited for, and how a run's end shortens that.

:class:`Patience` is for a server that is away, :class:`Waits` for the answer of one that is there.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from batch.core.backoff import delay_seconds, with_jitter
from batch.errors import DatabaseUnavailableError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

_LAST_WORD_SECONDS = 1.0
"""What a statement gets once the time of all is over: a healthy server answers sooner."""

_T = TypeVar("_T")

_is_at_once: ContextVar[bool] = ContextVar("_is_at_once", default=False)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let what the block asks PostgreSQL fail at once where that is away, or another server."""
    before = _is_at_once.set(True)
    try:
        yield
    finally:
        _is_at_once.reset(before)


def is_at_once() -> bool:
    """Whether we are in a block that does not wait."""
    return _is_at_once.get()


class Patience:
    """Outlasts absences of PostgreSQL, each of at most ``seconds``, until :meth:`hurry`."""

    def __init__(self, seconds: float, dice: random.Random) -> None:
        self._seconds = seconds
        self._dice = dice
        self._loop = asyncio.get_running_loop()
        self._last_moment = float("inf")
        self._hurried = asyncio.Event()

    def hurry(self, seconds: float) -> None:
        """From now on wait for ``seconds`` in all, who waits already included."""
        self._last_moment = min(self._last_moment, self._loop.time() + seconds)
        self._hurried.set()
        self._hurried = asyncio.Event()

    async def outlast(self, run: Callable[[], Awaitable[_T]]) -> _T:
        """Return what ``run`` returns, tried again with backoff while PostgreSQL is away.

        Raises:
            DatabaseUnavailableError: it was for too long.
        """
        give_up_at = self._loop.time() + self._seconds
        attempt, reported = 0, ""
        while True:
            try:
                return await run()
            except DatabaseUnavailableError as error:
                if self._loop.time() >= min(give_up_at, self._last_moment):
                    raise
                attempt += 1
                if reported != (reported := str(error)):
                    _log_absence(reported)
            delay = delay_seconds(attempt, base=_FIRST_PAUSE_SECONDS, cap=_LONGEST_PAUSE_SECONDS)
            await self._pause(with_jitter(delay, self._dice))

    async def _pause(self, seconds: float) -> None:
        """Sleep, not beyond the moment at which we give up; who hurries us ends it."""
        seconds = min(seconds, max(0.0, self._last_moment - self._loop.time()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow who cancels us
                await self._hurried.wait()


def _log_absence(why: str) -> None:
    from batch.logs import rare_logger  # a command that only looks must be quick

    rare_logger().warning("database_away", error=why)


class Waits:
    """Bounds of the waits of one command, each of its own until :meth:`hurry`."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()
        self._last_moment: float | None = None

    def hurry(self, seconds: float) -> None:
        """From now on wait ``seconds`` in all, who waits already included; then a moment each."""
        last = asyncio.get_running_loop().time() + seconds
        self._last_moment = last if self._last_moment is None else min(last, self._last_moment)
        for wait in self._open:
            at = wait.when()
            if at is None or at > self._last_moment:
                wait.reschedule(self._last_moment)

    def within(self, seconds: float | None) -> "_Wait":
        """Give the block ``seconds``, or as long as nobody hurries.

        Raises:
            TimeoutError: it was not enough; what was waited for is cancelled.
        """
        return _Wait(self._open, self._clipped(seconds))

    def _clipped(self, seconds: float | None) -> float | None:
        if self._last_moment is None:
            return seconds
        left = max(_LAST_WORD_SECONDS, self._last_moment - asyncio.get_running_loop().time())
        return left if seconds is None else min(seconds, left)


class _Wait:
    """A bound that can be shortened from outside. A class, because each statement has one."""

    __slots__ = ("_bound", "_open")

    def __init__(self, open_waits: set[asyncio.Timeout], seconds: float | None) -> None:
        self._open = open_waits
        self._bound = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._bound.__aenter__()
        self._open.add(self._bound)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        self._open.discard(self._bound)
        await self._bound.__aexit__(kind, error, trace)
