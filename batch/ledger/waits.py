"""How long whoever asks PostgreSQL waits for an answer, and how a run's end shortens it for all."""

import asyncio
from typing import Any

_LAST_WORD_SECONDS = 1.0
"""What a statement gets once the time of all is over: a server that is well answers sooner."""


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
