"""The database's clock is set back, or forward: nothing waits for it, and the quota holds."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from batch.core.states import State
from batch.ledger.doubts import Doubts
from batch.ledger.migrate import migrate
from batch.ledger.store import Store
from benchmarks.moved_clock import make_movable, move_database
from tests.support.cloud import Emulator
from tests.support.ledger import Ledger, open_ledger
from tests.support.night import Night
from tests.support.waiting import soon

HOUR = timedelta(hours=1)
SOON = 60.0
"""Seconds: many times what a run here takes, and nothing beside an hour."""


@pytest.fixture
async def ledger(empty_database_url: str) -> AsyncIterator[Ledger]:
    """A ledger whose database has a clock that can be set."""
    await make_movable(empty_database_url, urlsplit(empty_database_url).path[1:])
    await migrate(empty_database_url)
    async with open_ledger(empty_database_url) as ledger:
        yield ledger


@pytest.fixture
def night(ledger: Ledger, emulator: Emulator, tmp_path: Path) -> Night:
    """The worker on that ledger."""
    return Night(ledger, emulator, tmp_path)


async def _is_paused(ledger: Ledger) -> bool:
    return bool(await ledger.sql.fetchval("SELECT cooldown_until > now() FROM targets"))


def _steps(logs: Sequence[Mapping[str, object]]) -> list[str]:
    return [str(log["event"]) for log in logs if str(log["event"]).startswith("database_clock")]


async def test_an_hour_back_in_the_middle_of_a_run(night: Night) -> None:
    """It goes on at once, tells of the step, and no second holds more than the quota."""
    await night.ledger.add(range(100))
    with capture_logs() as logs:
        async with asyncio.timeout(SOON), night.running(qps=25.0) as run:
            await night.arrived(20)
            await move_database(night.ledger.url, -HOUR)
            summary = await run
    assert summary.worst_second <= 25
    assert "database_clock_set_back" in _steps(logs)
    told = [log["seconds"] for log in logs if log["event"] == "database_clock_set_back"]
    assert 3500 < told[0] <= 3600
    await night.check(submitted=100)


async def test_an_hour_back_under_two_workers(night: Night, emulator: Emulator) -> None:
    """Both see it once; what either holds already is not given to the other again."""
    await night.ledger.add(range(120))
    async with (
        asyncio.timeout(SOON),
        night.running(qps=25.0) as first,
        night.running(qps=25.0) as second,
    ):
        await night.arrived(20)
        await move_database(night.ledger.url, -HOUR)
        await asyncio.gather(first, second)
    # As they arrive on a busy machine; slots handed out twice would make it nearly fifty.
    assert emulator.meter()["busiest_second"] <= 28
    await night.check(submitted=120)


async def test_an_hour_back_between_the_load_and_the_run(night: Night) -> None:
    """What was loaded an hour ahead is due all the same."""
    await night.ledger.add(range(10))
    await move_database(night.ledger.url, -HOUR)
    async with asyncio.timeout(SOON):
        await night.submit()
    await night.check(submitted=10)


async def test_an_hour_back_in_a_pause(night: Night, emulator: Emulator) -> None:
    """A pause of two seconds stays one: it does not become an hour and two seconds."""
    emulator.fault("throttle", count=1, retry_after=2000)
    await night.ledger.add(range(10))
    async with asyncio.timeout(SOON), night.running() as run:
        await night.arrived(1)
        await soon(lambda: _is_paused(night.ledger), "the pause")
        await move_database(night.ledger.url, -HOUR)
        await run
    await night.check(submitted=10)


async def test_a_dead_worker_of_the_future_is_dead(ledger: Ledger) -> None:
    """Its last heartbeat lies an hour ahead: it is not believed to live for that hour."""
    worker = await ledger.worker()
    held = await ledger.put(1, State.SUBMITTING, worker)
    await move_database(ledger.url, -HOUR)
    assert await ledger.store.expire(0.2, "test") == []

    async def expired() -> list[int]:
        return await ledger.store.expire(0.2, "test")

    assert await soon(expired, "its end", SOON) == [held]
    assert await ledger.state(held) is State.IN_DOUBT


async def test_a_row_that_was_put_off_waits_no_longer_than_that(ledger: Ledger) -> None:
    """Thirty seconds of backoff do not become an hour."""
    (row,) = await ledger.add([1])
    await ledger.sql.execute("UPDATE submissions SET due_at = now() + interval '30 s'")
    await ledger.store.take_slots(1, 0.1)
    await move_database(ledger.url, -HOUR)
    await ledger.store.take_slots(1, 0.1)
    left = await ledger.sql.fetchval("SELECT due_at - now() FROM submissions WHERE id = $1", row)
    assert timedelta(seconds=20) < left < timedelta(seconds=35)


async def test_what_is_due_at_once_needs_no_clock(ledger: Ledger) -> None:
    """A fresh row is due whatever time it is."""
    await ledger.add([1])
    await move_database(ledger.url, -24 * HOUR)
    assert len(await ledger.begin()) == 1


async def test_a_job_asked_about_in_the_future_is_asked_again(ledger: Ledger) -> None:
    """Reconcile does not wait until the clock has caught up with its own last poll."""
    job = await ledger.put(1, State.SUBMITTED)
    await ledger.sql.execute("UPDATE submissions SET polled_at = now()")
    await move_database(ledger.url, -HOUR)
    doubts = Doubts(ledger.database, ledger.store.target)
    open_jobs = await doubts.list_open_jobs(10, await doubts.now(), only_canaries=False)
    assert [one.id for one in open_jobs] == [job]


@pytest.mark.parametrize("column", ["next_slot_at", "cooldown_until"])
async def test_a_time_that_nobody_can_have_set_is_not_waited_for(
    ledger: Ledger, column: str
) -> None:
    """However the row came to lie hours ahead."""
    await ledger.store.take_slots(3, 0.1)
    await ledger.store.start_cooldown(0.2)
    await ledger.sql.execute(f"UPDATE targets SET {column} = now() + interval '5 h'")
    slots = await ledger.store.take_slots(3, 0.1)
    assert 0 <= slots.first_in <= 0.31
    assert slots.cooldown_left <= 0.21
    assert ((await ledger.store.outlook()).cooldown_left or 0) <= 0.21


async def test_a_longer_pause_outlives_a_step(ledger: Ledger) -> None:
    """The cloud asked for ten minutes: a step back neither draws them out nor cuts them."""
    await ledger.store.start_cooldown(600)
    await move_database(ledger.url, -HOUR)
    await ledger.store.start_cooldown(1)
    assert 590 < (await ledger.store.take_slots(1, 0.1)).cooldown_left <= 600


@pytest.mark.parametrize("seed", range(3))
async def test_slots_never_overlap_whatever_the_clock_does(ledger: Ledger, seed: int) -> None:
    """Seven steps, back and forth: each block lies behind the one before it in real time."""
    dice = random.Random(seed)
    stores = [Store(ledger.database, ledger.store.target) for _ in range(2)]
    taken_to = left = 0.0
    for _ in range(7):
        for store in dice.sample(stores, 2):
            first_in = (await store.take_slots(4, 0.5)).first_in
            heard = time.monotonic()
            # A tenth: what an answer's own way may differ by; slots lie half a second apart.
            assert heard + first_in >= taken_to - 0.1
            assert first_in <= left + 0.1
            left = first_in + 4 * 0.5
            taken_to = heard + left
            await asyncio.sleep(dice.uniform(0, 0.2))
        step = dice.choice([-1, 1]) * dice.uniform(10, 7200)
        await move_database(ledger.url, timedelta(seconds=step))


async def test_a_step_forward_is_reported(ledger: Ledger) -> None:
    """It ends pauses early and looks like silence of the others: somebody should know."""
    with capture_logs() as logs:
        await ledger.store.take_slots(1, 0.1)
        await move_database(ledger.url, HOUR)
        await ledger.store.take_slots(1, 0.1)
        await ledger.store.take_slots(1, 0.1)
    assert _steps(logs) == ["database_clock_set_forward"]


async def test_a_steady_clock_is_not_spoken_of(night: Night) -> None:
    """No step is told where there is none."""
    await night.ledger.add(range(30))
    with capture_logs() as logs:
        await night.submit(qps=50.0)
    assert _steps(logs) == []
