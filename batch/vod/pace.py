"""The pace: permits under the account's quota, and a last look before each send.

aiolimiter spreads the calls evenly. ``AsyncLimiter(b, b / r)`` lets at most ``r + b - 1`` calls
through in any second, so ``r`` is the quota less the burst (``design.md`` 1.2). Between a permit
and its send lies a commit, which takes longer at some times than at others; so the send itself is
checked against the sends before it, and what the server counts in a second stays under the quota.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from aiolimiter import AsyncLimiter

_SECOND = 1.0


def burst_and_rate(quota: float) -> tuple[float, float]:
    """Return burst (calls) and sustained rate (calls a second) for ``quota`` calls a second."""
    if quota < 3:
        return 1.0, quota
    burst = 2.0 if quota <= 1000 else round(quota * 0.02)
    return burst, quota - burst + 1


class _Departure:
    """One send: when it left, or that it has not left yet."""

    __slots__ = ("at", "left")

    def __init__(self) -> None:
        self.at = 0.0
        self.left = asyncio.Event()


class Pace:
    """Hands out permits, and lets sends depart so that no second holds more than the quota."""

    def __init__(
        self,
        quota: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        margin: float = 0.02,
    ) -> None:
        """Pace for ``quota`` calls a second, of which ``margin`` seconds may be squeezed out."""
        burst, rate = burst_and_rate(quota)
        self._limiter = AsyncLimiter(burst, burst / rate)
        self._clock = clock
        self._capacity = max(1, int(quota))
        self._window = max(_SECOND, self._capacity / quota) + margin
        self._departures: deque[_Departure] = deque(maxlen=self._capacity)
        self._last_second: deque[float] = deque()
        self._paused_until = 0.0
        self.worst_second = 0
        """Most sends that left in any second so far."""

    def pause(self, seconds: float) -> None:
        """Give no permit for ``seconds``; a longer pause that holds already stays."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until the pause ends, zero without one."""
        return max(0.0, self._paused_until - self._clock())

    async def take(self, most: int) -> int:
        """Wait for one permit, then take those that are free at once, ``most`` in all."""
        while remaining := self.paused_for:  # noqa: ASYNC110 - a pause may grow while we sleep
            await asyncio.sleep(remaining)
        await self._limiter.acquire()
        taken = 1
        while taken < most and self._limiter.has_capacity():
            await self._limiter.acquire()
            taken += 1
        return taken

    def depart_now(self) -> bool:
        """Let a send leave at once if it may; its time is then taken as now."""
        earlier = self._earlier()
        if earlier and (not earlier.left.is_set() or self._too_soon_after(earlier) > 0):
            return False
        mine = _Departure()
        self._departures.append(mine)
        self._leave(mine)
        return True

    async def depart(self) -> None:
        """Return when the send may leave; its time is then taken as now.

        Cancelling the wait counts as a departure, which is the cautious side.
        """
        earlier = self._earlier()
        mine = _Departure()
        self._departures.append(mine)
        try:
            if earlier:
                await earlier.left.wait()
                while (remaining := self._too_soon_after(earlier)) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(remaining)
        finally:
            self._leave(mine)

    def _earlier(self) -> _Departure | None:
        """Return the send that must lie a second back before the next one may leave."""
        return self._departures[0] if len(self._departures) == self._capacity else None

    def _too_soon_after(self, earlier: _Departure) -> float:
        return earlier.at + self._window - self._clock()

    def _leave(self, departure: _Departure) -> None:
        departure.at = self._clock()
        departure.left.set()
        self._count(departure.at)

    def _count(self, now: float) -> None:
        window = self._last_second
        window.append(now)
        while window[0] <= now - _SECOND:
            window.popleft()
        self.worst_second = max(self.worst_second, len(window))
