"""One quota for every worker of a target: slots in time, taken in blocks from PostgreSQL.

Each slot is a moment at which one send may leave, ``1 / rate`` after the slot before it, whichever
worker holds that. The rate lies a little under the quota; the difference is what sends may be late
by without a second ever holding more than the quota. A slot missed by more is given up.

A slot belongs to no request: the first with its connection open leaves at the next one.

Slots keep their distance as far as one row of one server hands them out. aiolimiter, which each
send passes, keeps it whatever happens to them: a failover, a clock that is set, a late send.
"""

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from batch.ledger.store import Slots
from batch.submit.their_clock import ClockOffset

TakeSlots = Callable[[int, float, float], Awaitable[Slots]]
"""Takes (slots, seconds between two, seconds that the first is ahead at least)."""

LEAD_SECONDS = 0.25
"""How long before its first slot a block is begun: longer than commits take on a busy machine."""

BLOCK_SECONDS = 0.25
"""How much later than the first the last slot of a block is at most. So a request is begun at most
this and the lead before its slot, and as much longer as PostgreSQL lately took to answer.
"""

_RESERVED_SECONDS = 0.1  # at once: what a worker that ends leaves unused, all others lack

_WAITING_SHARE = 0.5
"""Of the senders: so many are begun and wait for their slots when the next block is begun."""

_HEADROOM = 0.038  # of the quota; what lateness and the way to the server may squeeze together
_LATENESS_SHARE = 0.6  # of the headroom; the rest is left to the way to the server
_USUAL_LATENESS = 0.25  # of the tolerance; a later one makes those behind it wait

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
    """Says when how many requests are to be begun, and lets each depart at a slot."""

    def __init__(
        self,
        quota: float,
        take_slots: TakeSlots,
        senders: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Share ``quota`` calls a second; ``senders`` may be under way at a time."""
        self._rate = shared_rate(quota)
        self._interval = 1 / self._rate
        self._lead = min(LEAD_SECONDS, _WAITING_SHARE * senders * self._interval)
        self._tolerance = _LATENESS_SHARE * (quota / self._rate - 1)
        burst = 1 + _USUAL_LATENESS * self._tolerance * self._rate
        self._limiter = AsyncLimiter(burst, burst * self._interval)
        self._take_slots = take_slots
        self._clock = clock
        self._block = _Block(0.0, 0, self._interval)
        self._held: list[float] = []
        self._spare = 0
        self._slowness = 1.0
        self._cooldown_until = 0.0
        self._taking = asyncio.Lock()
        self._offset = ClockOffset()
        self._trips: deque[float] = deque(maxlen=_LAST_TRIPS)
        self._last_second: deque[float] = deque()
        self.worst_second = 0
        """Most sends of this worker that left in any second so far."""

    @property
    def cooldown_left(self) -> float:
        """Seconds until the cooldown ends, zero without one."""
        return max(0.0, self._cooldown_until - self._clock())

    def cool_down(self, seconds: float) -> None:
        """Give no slot for ``seconds``; a longer cooldown stays."""
        self._cooldown_until = max(self._cooldown_until, self._clock() + seconds)

    async def after_cooldown(self) -> None:
        """Return once there is no cooldown."""
        while remaining := self.cooldown_left:  # noqa: ASYNC110 - it may grow
            await asyncio.sleep(remaining)

    def slow_down(self, slowness: float) -> None:
        """From the next block on take slots so many times further apart than the quota allows."""
        self._slowness = slowness

    async def near(self) -> None:
        """Return once the next slot is so near that its request is to be begun."""
        while True:
            await self.after_cooldown()
            if self._spare:
                return
            await self._have_slot()
            early = self._block.at - self._lead - self._ahead - self._clock()
            if early <= 0:
                return
            await asyncio.sleep(early)

    async def take(self, most: int) -> int:
        """Wait until a slot is near, then take the block that it begins, ``most`` slots in all.

        Returns how many: so many requests may be begun now, each to depart once it is ready.
        """
        await self.near()
        if self._spare:
            taken = min(most, self._spare)
            self._spare -= taken
            return taken
        end = self._clock() + self._lead + self._ahead + BLOCK_SECONDS
        for taken in range(most):
            await self._have_slot()
            if self._block.at > end:
                return taken
            heapq.heappush(self._held, self._pop())
        return most

    def give_back(self, unused: int) -> None:
        """Let the next to be begun have what was taken, and less was due."""
        self._spare += unused

    @property
    def is_open(self) -> bool:
        """Whether a slot has come and nothing forbids a send: it would not wait."""
        self._drop_missed()
        has_come = bool(self._held) and self._held[0] <= self._clock()
        return has_come and not self.cooldown_left and self._limiter.has_capacity()

    async def depart(self) -> None:
        """Return when the send may leave: at the next slot that nobody else has taken.

        Cancelling the wait leaves the slot to the next request.
        """
        while True:
            await self.after_cooldown()
            self._drop_missed()
            slot = heapq.heappop(self._held) if self._held else await self._next_slot()
            try:
                if await self._leaves_at(slot):
                    return
            except asyncio.CancelledError:
                heapq.heappush(self._held, slot)
                raise

    async def _leaves_at(self, slot: float) -> bool:
        """Wait for ``slot`` and leave; say no when it was missed or a cooldown came."""
        while (early := slot - self._clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(early)
        if self.cooldown_left or self._missed(slot):
            return False
        try:  # a request that would be too late must not use up what others wait for
            async with asyncio.timeout_at(slot + self._tolerance):
                await self._limiter.acquire()
        except TimeoutError:
            return False
        if self.cooldown_left or self._missed(slot):
            return False
        self._count()
        return True

    def _count(self) -> None:
        window, now = self._last_second, self._clock()
        window.append(now)
        while window[0] <= now - 1.0:
            window.popleft()
        self.worst_second = max(self.worst_second, len(window))

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
        await self._have_slot()
        return self._pop()

    async def _have_slot(self) -> None:
        async with self._taking:
            self._give_up_missed()
            while not self._block.left:
                await self._take_block()
                self._give_up_missed()

    def _give_up_missed(self) -> None:
        """Drop the slots that a request could hardly use in time now."""
        late = self._clock() - _USUAL_LATENESS * self._tolerance - self._block.at
        if late > 0:
            missed = min(self._block.left, math.ceil(late / self._block.interval))
            self._block.at += missed * self._block.interval
            self._block.left -= missed

    def _pop(self) -> float:
        slot = self._block.at
        self._block.at += self._block.interval
        self._block.left -= 1
        return slot

    async def _take_block(self) -> None:
        if not self._trips:
            await self._learn_clock()
        seconds = max(_RESERVED_SECONDS, 2 * self._ahead)  # it outlasts its begin too
        size = max(1, round(self._rate * seconds / self._slowness))
        interval = self._interval * self._slowness
        slots = await self._ask(size, interval, self._ahead)
        self._block = _Block(self._offset.ours(slots.at) + slots.first_in, size, interval)
        if slots.cooldown_left:
            self.cool_down(slots.cooldown_left)

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
        given = await self._take_slots(slots, interval, ahead)
        answered = self._clock()
        self._offset.see(given.at, asked, answered)
        self._trips.append(answered - asked)
        return given
