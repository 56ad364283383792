"""One quota for every worker of a target: slots in time, taken in small blocks from PostgreSQL.

Each slot is a moment at which one send may leave, ``1 / rate`` after the slot before it, whichever
worker holds that. The rate lies a little under the quota; the difference is what sends may be late
by without a second ever holding more than the quota. A slot missed by more is given up.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batch.engine.pace import Pace

Reserve = Callable[[int, float], Awaitable[tuple[float, float]]]
"""Takes (slots, seconds between two), returns (seconds to the first, seconds of pause)."""

LEAD_SECONDS = 0.25
"""How long before its slot a request may be begun: longer than commits take on a busy machine."""

_BLOCK_SECONDS = 0.1
_HEADROOM = 0.038  # of the quota; what lateness and the way to the server may squeeze together
_LATENESS_SHARE = 0.6  # of the headroom; the rest is left to the way to the server


def shared_rate(quota: float) -> float:
    """Return the rate of slots, in calls a second, for a quota in calls a second."""
    return quota * (1 - _HEADROOM)


@dataclass(slots=True)
class _Block:
    """Slots that this worker holds: ``left`` of them, the next at ``at`` on our own clock."""

    at: float
    left: int
    interval: float


class SharedPace:
    """Hands out slots of the shared quota; a send departs at its slot."""

    def __init__(
        self, quota: float, reserve: Reserve, clock: Callable[[], float] = time.monotonic
    ) -> None:
        rate = shared_rate(quota)
        headroom = quota / rate - 1
        self._local = Pace(quota, clock, margin=0.95 * headroom)
        self._reserve = reserve
        self._clock = clock
        self._interval = 1 / rate
        self._block_size = max(1, round(rate * _BLOCK_SECONDS))
        self._tolerance = _LATENESS_SHARE * headroom
        self._block = _Block(0.0, 0, self._interval)
        self._slowness = 1.0
        self._reserving = asyncio.Lock()

    @property
    def worst_second(self) -> int:
        """Most sends of this worker that left in any second so far."""
        return self._local.worst_second

    @property
    def paused_for(self) -> float:
        """Seconds until the pause ends, zero without one."""
        return self._local.paused_for

    def pause(self, seconds: float) -> None:
        """Give no slot for ``seconds``; a longer pause that holds already stays."""
        self._local.pause(seconds)

    def slow_down(self, slowness: float) -> None:
        """From the next block on take slots so many times further apart than the quota allows."""
        self._slowness = slowness

    async def take(self, most: int) -> list[float]:
        """Wait until one slot is near, then take those that are, ``most`` in all.

        Returns their times on our clock, for :meth:`depart`.
        """
        wanted = await self._local.take(most)
        slots = [await self._next_slot()]
        near = self._clock() + LEAD_SECONDS
        while len(slots) < wanted and self._block.left and self._block.at <= near:
            slots.append(self._pop())
        while (early := slots[0] - LEAD_SECONDS - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(early)
        return slots

    def depart_now(self, slot: float) -> bool:
        """Let a send leave at once if its slot has come and nothing stands against it."""
        if slot > self._clock() or self._local.paused_for or self._missed(slot):
            return False
        return self._local.depart_now()

    async def depart(self, slot: float) -> None:
        """Return when the send may leave: at ``slot``, or at a later one if that was missed."""
        while True:
            while (early := slot - self._clock()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(early)
            if not self._local.paused_for and not self._missed(slot):
                await self._local.depart()
                if not self._missed(slot):
                    return
            slot = await self._slot_after_pause()

    def _missed(self, slot: float) -> bool:
        return self._clock() - slot > self._tolerance

    async def _slot_after_pause(self) -> float:
        while remaining := self._local.paused_for:  # noqa: ASYNC110 - a pause may grow
            await asyncio.sleep(remaining)
        return await self._next_slot()

    async def _next_slot(self) -> float:
        async with self._reserving:
            self._give_up_missed()
            while not self._block.left:
                await self._reserve_block()
                self._give_up_missed()
            return self._pop()

    def _give_up_missed(self) -> None:
        """Drop the slots that whoever took them now could hardly use in time."""
        late = self._clock() - self._tolerance / 4 - self._block.at
        if late > 0:
            missed = min(self._block.left, math.ceil(late / self._block.interval))
            self._block.at += missed * self._block.interval
            self._block.left -= missed

    def _pop(self) -> float:
        slot = self._block.at
        self._block.at += self._block.interval
        self._block.left -= 1
        return slot

    async def _reserve_block(self) -> None:
        size = max(1, round(self._block_size / self._slowness))
        interval = self._interval * self._slowness
        first_in, paused_for = await self._reserve(size, interval)
        # The database's now lies between our asking and its answer; the later end is the safe one.
        self._block = _Block(self._clock() + first_in, size, interval)
        if paused_for:
            self._local.pause(paused_for)
