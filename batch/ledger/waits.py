"""How long whoever asks PostgreSQL waits for an answer, and how a run's end shortens it for all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

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

    @contextlib.asynccontextmanager
    async def within(self, seconds: float | None) -> AsyncIterator[None]:
        """Give the block ``seconds``, or as long as nobody hurries.

        Raises:
            TimeoutError: it was not enough; what was waited for is cancelled.
        """
        async with asyncio.timeout(self._clipped(seconds)) as wait:
            self._open.add(wait)
            try:
                yield
            finally:
                self._open.discard(wait)

    def _clipped(self, seconds: float | None) -> float | None:
        if self._last_moment is None:
            return seconds
        left = max(_LAST_WORD_SECONDS, self._last_moment - asyncio.get_running_loop().time())
        return left if seconds is None else min(seconds, left)
