"""The shared quota by a virtual clock: where slots lie, and that no second holds too many."""

import asyncio
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.ledger.store import Slots
from batch.submit.shared_pace import BLOCK_SECONDS, LEAD_SECONDS, SharedPace, shared_rate
from tests.support.virtual_time import VirtualLoop, run_virtually

THEIR_CLOCK = 1.8e9
"""What the database's clock shows when ours shows nothing."""


@dataclass
class Row:
    """The target's row as ``take_slots.sql`` moves it, a round trip away."""

    loop: VirtualLoop
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    round_trip: float = 0.0
    next_slot: float = 0.0
    cooldown_until: float = 0.0
    reserved: int = 0
    asking: int = 0

    async def take_slots(self, slots: int, interval: float, ahead: float) -> Slots:
        """Take slots; an idle time saves up nothing."""
        self.asking += 1
        await asyncio.sleep(self.dice.uniform(0, self.round_trip) / 2)
        now = self.loop.time()
        start = max(self.next_slot, now + ahead)
        self.next_slot = start + slots * interval
        self.reserved += slots
        answer = Slots(now + THEIR_CLOCK, start - now, max(0.0, self.cooldown_until - now))
        await asyncio.sleep(self.dice.uniform(0, self.round_trip) / 2)
        self.asking -= 1
        return answer


def _pace(row: Row, quota: float, senders: float = math.inf) -> SharedPace:
    return SharedPace(quota, row.take_slots, senders, row.loop.time)


def _worst_second(times: Sequence[float]) -> int:
    ordered = sorted(times)
    first = worst = 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - 1.0:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


@pytest.mark.parametrize("quota", [1, 2, 30, 100, 400])
def test_slots_lie_one_interval_apart(quota: int) -> None:
    """Taken one by one or many at a time, block after block, there is no gap and no crowd."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop)
        pace = _pace(row, quota)
        slots: list[float] = []
        while len(slots) < 60:
            for _ in range(await pace.take(7)):
                await pace.depart()
                slots.append(loop.time())
        gaps = [later - earlier for earlier, later in itertools.pairwise(slots)]
        assert gaps == pytest.approx([1 / shared_rate(quota)] * len(gaps), abs=1e-4)

    run_virtually(work)


def test_workers_share_the_slots_between_them() -> None:
    """Three workers of one row never hold the same slot, and together take every one."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop)
        slots: list[float] = []

        async def worker() -> None:
            pace = _pace(row, 30)
            for _ in range(30):
                await pace.take(1)
                await pace.depart()
                slots.append(loop.time())

        await asyncio.gather(*(worker() for _ in range(3)))
        slots.sort()
        gaps = [later - earlier for earlier, later in itertools.pairwise(slots)]
        assert min(gaps) == pytest.approx(1 / shared_rate(30), abs=1e-4)
        assert row.reserved >= 90

    run_virtually(work)


@pytest.mark.parametrize("stall", [0.05, 0.5, 3.0])
def test_missed_slots_are_given_up(stall: float) -> None:
    """After a stall nothing is caught up: the next slot lies ahead, one for each send."""

    async def work(loop: VirtualLoop) -> None:
        pace = _pace(Row(loop), 100)
        await pace.take(1)
        await pace.depart()
        loop.stall(stall)
        resumed = loop.time()
        left = []
        for _ in range(5):
            await pace.take(1)
            await pace.depart()
            left.append(loop.time())
        assert left[0] >= resumed - 0.01
        assert left[-1] - left[0] >= 3.9 / shared_rate(100)

    run_virtually(work)


def test_a_slot_that_was_missed_before_its_send_is_exchanged() -> None:
    """A send that comes too late for its slot leaves at a later one, not at once."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop)
        pace = _pace(row, 10)
        await pace.take(1)
        loop.stall(1.0)
        late = loop.time()
        assert not pace.is_open
        await pace.depart()
        assert loop.time() > late
        assert row.reserved > 1

    run_virtually(work)


def test_a_cooldown_that_comes_with_the_slots_delays_the_send() -> None:
    """The row says that the target is paused: nothing departs before the pause ends."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop, cooldown_until=5.0)
        pace = _pace(row, 10)
        await pace.take(1)
        assert loop.time() < 5.0
        assert not pace.is_open
        await pace.depart()
        assert loop.time() >= 5.0

    run_virtually(work)


def test_a_slot_is_handed_out_shortly_before_its_time() -> None:
    """A request is begun no earlier than the lead before its send, so a begin is never idle."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop, next_slot=20.0)
        pace = _pace(row, 10)
        await pace.take(1)
        assert loop.time() == pytest.approx(20.0 - LEAD_SECONDS, abs=1e-3)
        await pace.depart()
        assert loop.time() == pytest.approx(20.0, abs=1e-3)

    run_virtually(work)


@pytest.mark.parametrize(("quota", "senders", "most"), [(500, 64, 12), (30, 64, 35), (30, 1, 200)])
def test_a_begin_takes_a_block(quota: float, senders: int, most: int) -> None:
    """Senders come back one by one, and are waited for as long as the slots let them be."""

    async def work(loop: VirtualLoop) -> None:
        pace = _pace(Row(loop), quota, senders)
        begun = sent = flying = 0
        freed = asyncio.Event()
        earliest = 0.0

        async def send(begun_at: float) -> None:
            nonlocal sent, flying, earliest
            await pace.depart()
            earliest = max(earliest, loop.time() - begun_at)
            await asyncio.sleep(0.02)  # its answer and its record
            sent, flying = sent + 1, flying - 1
            freed.set()

        while sent + flying < 200:
            while flying == senders:
                freed.clear()
                await freed.wait()
            await pace.near()
            taken = await pace.take(min(senders - flying, 200 - sent - flying))
            began = loop.time()
            await asyncio.sleep(0.01)  # its begin
            begun, flying = begun + 1, flying + taken
            for _ in range(taken):
                asyncio.ensure_future(send(began))  # noqa: RUF006
        while sent < 200:
            freed.clear()
            await freed.wait()
        assert begun <= most
        assert earliest <= LEAD_SECONDS + BLOCK_SECONDS + 0.01
        if senders > 1:
            assert loop.time() <= 200 / shared_rate(quota) + 0.1

    run_virtually(work)


def test_a_pause_is_never_cut_short() -> None:
    """While a pause holds no slot is near; a shorter one changes nothing."""

    async def work(loop: VirtualLoop) -> None:
        pace = _pace(Row(loop), 30)
        pace.cool_down(10)
        pace.cool_down(1)
        assert pace.cooldown_left == pytest.approx(10)
        await pace.take(1)
        assert loop.time() >= 10
        assert pace.cooldown_left == 0

    run_virtually(work)


def test_what_was_given_back_is_taken_first() -> None:
    """Fewer rows were due than slots taken: the next begin has the rest, and takes none."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop)
        pace = _pace(row, 100)
        taken = await pace.take(20)
        pace.give_back(taken - 1)
        reserved = row.reserved
        assert await pace.take(5) == 5
        assert await pace.take(1000) == taken - 6
        assert row.reserved == reserved

    run_virtually(work)


def test_no_second_is_above_the_quota_where_slots_crowd() -> None:
    """A server that forgot what it handed out hands it out again: sends keep their distance."""

    async def work(loop: VirtualLoop) -> None:
        row = Row(loop)
        pace = _pace(row, 30)
        sent: list[float] = []

        async def send() -> None:
            await pace.depart()
            sent.append(loop.time())

        flying = []
        for _ in range(20):
            row.next_slot = 0.0
            flying += [asyncio.ensure_future(send()) for _ in range(await pace.take(7))]
        await asyncio.gather(*flying)
        assert len(sent) >= 60
        assert _worst_second(sent) <= 30

    run_virtually(work)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    quota=st.integers(1, 120),
    workers=st.integers(1, 4),
    busy=st.floats(0, 0.2),
    round_trip=st.floats(0, 0.03),
)
def test_no_second_is_ever_above_the_quota(
    seed: int, quota: int, workers: int, busy: float, round_trip: float
) -> None:
    """However the machine stalls and the line drags, the sends of all workers stay under it."""

    async def work(loop: VirtualLoop) -> list[float]:
        dice = random.Random(seed)
        row = Row(loop, dice, round_trip)
        sent: list[float] = []

        async def send(pace: SharedPace) -> None:
            await asyncio.sleep(dice.uniform(0, 0.05))  # the commit of the intent
            if dice.random() < busy and not row.asking:
                loop.stall(dice.expovariate(10))
            await pace.depart()
            sent.append(loop.time())

        async def worker() -> None:
            pace = _pace(row, quota)
            flying: set[asyncio.Task[None]] = set()
            while len(sent) < 3 * quota + 10:
                for _ in range(await pace.take(4)):
                    flying.add(asyncio.ensure_future(send(pace)))
                await asyncio.sleep(dice.uniform(0, 0.1))
            await asyncio.gather(*flying)
            assert pace.worst_second <= quota

        await asyncio.gather(*(worker() for _ in range(workers)))
        return sent

    sent = run_virtually(work)
    assert _worst_second(sent) <= quota
