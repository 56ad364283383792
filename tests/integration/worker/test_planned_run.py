"""A run that keeps to a plan: exactly the rows, prices and lengths that were looked at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.operators import Operators, Selection
from batch.submit.tally import RunSummary, StopReason
from tests.support.ledger import DNA, TAG, Ledger, media
from tests.support.money import set_lengths
from tests.support.night import Night
from tests.support.proxy import proxy_to

PRICED: dict[str, Any] = {"prices": {"AIMediaDNA": Decimal("0.05"), "AIVideoTag": Decimal("0.3")}}


@asynccontextmanager
async def _answers_stalled(
    night: Night, plan: str, concurrency: int, **settings: Any
) -> AsyncIterator["asyncio.Task[RunSummary]"]:
    """Send a plan; the first answers come, and the run ends, after the block."""
    async with proxy_to(night.emulator.url) as line:
        line.stall(requests=False)  # of looks too, so none is taken
        how = {"endpoint": line.url, "skip_existing": "never", "concurrency": concurrency}
        async with night.running(plan=plan, **how, **settings) as run:
            await night.arrived(concurrency)
            yield run
            line.resume()
            await run


def _operators(ledger: Ledger) -> Operators:
    return Operators(ledger.database, ledger.store.target)


async def test_rows_loaded_while_a_plan_is_sent_do_not_go(night: Night) -> None:
    """Eighty rows come in while the plan's ten are on their way, and go before them by priority."""
    await night.ledger.add(range(10))
    wanted = await night.plan()
    async with _answers_stalled(night, wanted, 2) as run:
        await night.ledger.add(range(10, 90), priority=9)
    summary = run.result()
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert night.emulator.submits() == 10
    await night.check(submitted=10, pending=80)


async def test_the_other_type_loaded_later_does_not_ride_along(night: Night) -> None:
    """A request takes every due type of its media; one that is not of the plan stays."""
    await night.ledger.add(range(6), DNA)
    wanted = await night.plan()
    async with _answers_stalled(night, wanted, 1):
        await night.ledger.add(range(6), TAG)
    assert {job["type"] for job in night.emulator.jobs()} == {DNA}
    await night.check(submitted=6, pending=6)


async def test_rows_retried_or_freed_while_a_plan_is_sent_do_not_go(night: Night) -> None:
    """Older than the plan, but none of it: due again, or let go, only after it was looked at."""
    ledger = night.ledger
    failed = await ledger.put(100, State.FAILED)
    held = await ledger.add([101])
    operators = _operators(ledger)
    one = Selection(media=(media(101),))
    await operators.hold(one, "not yet", "test")
    await ledger.add(range(6))
    wanted = await night.plan()
    async with _answers_stalled(night, wanted, 2):
        await operators.retry(Selection(media=(media(100),)), "again", "test")
        await operators.release(one, "now", "test")
    assert await ledger.state(failed) is State.PENDING
    assert await ledger.state(held[0]) is State.PENDING
    assert night.emulator.submits() == 6


async def test_what_a_plan_gives_back_it_sends(night: Night) -> None:
    """A row that was throttled is still of the plan, whenever it is due again."""
    await night.ledger.add(range(8))
    wanted = await night.plan()
    night.emulator.fault("throttle", count=3)
    summary = await night.submit(plan=wanted)
    assert summary.outcomes["throttled"] == 3
    await night.check(submitted=8)


async def test_what_is_not_of_the_plan_does_not_keep_it_waiting(night: Night) -> None:
    """Under a budget too, the run ends with its own rows, and speaks of no other."""
    ledger = night.ledger
    await ledger.add(range(4))
    await set_lengths(ledger, dict.fromkeys(range(4), 1))
    wanted = await night.plan(**PRICED)
    limits = {"budget": Decimal("0.25"), **PRICED}
    async with _answers_stalled(night, wanted, 1, **limits) as run:
        await ledger.add([50], priority=9)
    summary = run.result()
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.obstacle is None
    await night.check(submitted=4, pending=1)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"prices": {"AIMediaDNA": Decimal(5)}}, "the prices changed"),
        ({"currency": "USD"}, "the prices changed"),
        ({"prices": {}}, "the prices changed"),
        ({"longest": timedelta(hours=2)}, "the lengths changed"),
        (
            {"prices": {"AIMediaDNA": Decimal(5)}, "longest": timedelta(minutes=1)},
            "the prices and the lengths",
        ),
    ],
)
async def test_another_price_is_another_plan(
    night: Night, changed: dict[str, Any], named: str
) -> None:
    """A hundred times the price sends nothing, and is told by its name."""
    await night.ledger.add(range(3))
    wanted = await night.plan(**PRICED)
    with pytest.raises(UsageError, match=named):
        await night.submit(plan=wanted, **{**PRICED, **changed})
    assert night.emulator.submits() == 0
    await night.check(pending=3)


async def test_another_length_is_another_plan(night: Night) -> None:
    """A look that finds a media longer than planned sends nothing, though the sum is the same."""
    await night.ledger.add(range(3))
    await set_lengths(night.ledger, {0: 10, 1: 20})
    wanted = await night.plan(**PRICED)
    await set_lengths(night.ledger, {0: 20, 1: 10})
    with pytest.raises(UsageError, match=r"but plan .*: the lengths changed; nothing was sent"):
        await night.submit(plan=wanted, **PRICED)
    await night.check(pending=3)


async def test_other_rows_are_another_plan(night: Night) -> None:
    """One row more, and what was looked at is not what is due."""
    await night.ledger.add(range(3))
    wanted = await night.plan()
    await night.ledger.add([3])
    with pytest.raises(UsageError, match="the rows that are due and the lengths changed"):
        await night.submit(plan=wanted)
    with pytest.raises(UsageError, match="the hash of no plan"):
        await night.submit(plan="0123456789ab")
    await night.check(pending=4)


async def test_a_price_is_the_same_however_it_is_written(night: Night) -> None:
    """0.5 and 0.50 are one price; that of a type that is not due is no matter of the plan."""
    await night.ledger.add(range(3))
    wanted = await night.plan(prices={"AIMediaDNA": Decimal("0.5")})
    prices = {"AIMediaDNA": Decimal("0.50"), "AIVideoTag": Decimal(9)}
    await night.submit(plan=wanted, prices=prices, budget_day=None)
    await night.check(submitted=3)


async def test_what_is_held_is_of_no_plan(night: Night) -> None:
    """A plan of a paused target is empty; resuming makes what was planned before due again."""
    await night.ledger.add(range(3))
    before = await night.plan()
    operators = _operators(night.ledger)
    await operators.hold_target("maintenance", "test")
    assert await night.plan() != before
    with pytest.raises(UsageError, match="rows"):
        await night.submit(plan=before)
    await operators.release_target("done", "test")
    await night.submit(plan=before)
    await night.check(submitted=3)
