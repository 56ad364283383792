"""One quota for every worker of a target: slots in time, taken in small blocks from PostgreSQL.

Each slot is a moment at which one send may leave, ``1 / rate`` after the slot before it, whichever
worker holds that. The rate lies a little under the quota; the difference is what sends may be late
by without a second ever holding more than the quota. A slot missed by more is given up.

A slot belongs to no request: whoever is ready first, its connection open, leaves at the next one.
"""

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batch.ledger.store import Slots
from batch.submit.their_clock import ClockOffset
from batch.vod.pace import Pace

Reserve = Callable[[int, float, float], Awaitable[Slots]]
"""Takes (slots, seconds between two, seconds that the first is ahead at least)."""

LEAD_SECONDS = 0.25
"""How long before its slot a request may be begun: longer than commits take on a busy machine."""

_BLOCK_SECONDS = 0.1
_HEADROOM = 0.038  # of the quota; what lateness and the way to the server may squeeze together
_LATENESS_SHARE = 0.6  # of the headroom; the rest is left to the way to the server

_SURE_SECONDS = 0.01
"""Bounds of the database's clock so close put no send where another worker's slot is."""

_MOST_LOOKS = 32
_LONGEST_LOOKING_SECONDS = 8.0
"""How the database's clock is learnt at first; one look is enough where answers are quick."""

_LAST_TRIPS = 32
_LONGEST_AHEAD_SECONDS = 2.0


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
    """Hands out permits with slots of the shared quota behind them; a send departs at a slot."""

    def __init__(
        self, quota: float, reserve: Reserve, clock: Callable[[], float] = time.monotonic
    ) -> None:
        rate = shared_rate(quota)
        headroom = quota / rate - 1
        self._local = Pace(quota, clock, margin=0.95 * headroom)
        self._reserve = reserve
        self._clock = clock
        self._rate = rate
        self._interval = 1 / rate
        self._tolerance = _LATENESS_SHARE * headroom
        self._block = _Block(0.0, 0, self._interval)
        self._held: list[float] = []
        self._slowness = 1.0
        self._reserving = asyncio.Lock()
        self._offset = ClockOffset()
        self._trips: deque[float] = deque(maxlen=_LAST_TRIPS)

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

    async def after_pause(self) -> None:
        """Return once no pause holds."""
        while remaining := self._local.paused_for:  # noqa: ASYNC110 - a pause may grow
            await asyncio.sleep(remaining)

    def slow_down(self, slowness: float) -> None:
        """From the next block on take slots so many times further apart than the quota allows."""
        self._slowness = slowness

    async def take(self, most: int) -> int:
        """Wait until one slot is near, then take those that are, ``most`` in all.

        Returns how many: so many requests may be begun now, each to depart once it is ready.
        """
        wanted = await self._local.take(most)
        first = await self._next_slot()
        heapq.heappush(self._held, first)
        ahead = LEAD_SECONDS + self._ahead
        near, taken = self._clock() + ahead, 1
        while taken < wanted and self._block.left and self._block.at <= near:
            heapq.heappush(self._held, self._pop())
            taken += 1
        while (early := first - ahead - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(early)
        return taken

    def depart_now(self) -> bool:
        """Let a send leave at once if a slot has come and nothing stands against it."""
        self._drop_missed()
        if not self._held or self._held[0] > self._clock() or self._local.paused_for:
            return False
        if not self._local.depart_now():
            return False
        heapq.heappop(self._held)
        return True

    async def depart(self) -> None:
        """Return when the send may leave: at the next slot that nobody else has taken.

        Cancelling the wait leaves the slot to whoever comes next.
        """
        while True:
            await self.after_pause()
            self._drop_missed()
            slot = heapq.heappop(self._held) if self._held else await self._next_slot()
            if await self._leaves_at(slot):
                return

    async def _leaves_at(self, slot: float) -> bool:
        """Wait for ``slot`` and leave; say no when it was missed or a pause came."""
        try:
            while (early := slot - self._clock()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(early)
        except asyncio.CancelledError:
            heapq.heappush(self._held, slot)
            raise
        if self._local.paused_for or self._missed(slot):
            return False
        await self._local.depart()
        return not self._missed(slot)

    def _missed(self, slot: float) -> bool:
        return self._clock() - slot > self._tolerance

    def _drop_missed(self) -> None:
        while self._held and self._missed(self._held[0]):
            heapq.heappop(self._held)

    @property
    def _ahead(self) -> float:
        """How long an answer of PostgreSQL may take, by the last ones: slots are to outlast it."""
        return min(max(self._trips, default=0.0), _LONGEST_AHEAD_SECONDS)

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
        if not self._trips:
            await self._learn_clock()
        block_seconds = max(_BLOCK_SECONDS, self._ahead)
        size = max(1, round(self._rate * block_seconds / self._slowness))
        interval = self._interval * self._slowness
        slots = await self._ask(size, interval, self._ahead)
        self._block = _Block(self._offset.ours(slots.at) + slots.first_in, size, interval)
        if slots.paused_for:
            self._local.pause(slots.paused_for)

    async def _learn_clock(self) -> None:
        """Look at the database's clock, again where one answer leaves too much open."""
        began = self._clock()
        for _ in range(_MOST_LOOKS):
            await self._ask(0, self._interval, 0.0)
            is_long = self._clock() - began > _LONGEST_LOOKING_SECONDS
            if self._offset.width <= _SURE_SECONDS or is_long:
                return

    async def _ask(self, slots: int, interval: float, ahead: float) -> Slots:
        asked = self._clock()
        given = await self._reserve(slots, interval, ahead)
        answered = self._clock()
        self._offset.see(given.at, asked, answered)
        self._trips.append(answered - asked)
        return given
