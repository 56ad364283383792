"""A worker under a budget: where it stops, with which words, and what it never sends."""

from decimal import Decimal
from typing import Any

import pytest

from batch.core.models import JobType
from batch.core.states import State
from batch.errors import ConfigurationError, ExitCode
from batch.submit.tally import StopReason
from tests.support.ledger import DNA, TAG, Ledger, media
from tests.support.money import set_lengths
from tests.support.night import Night

PRICED: dict[str, Any] = {"prices": {"AIMediaDNA": Decimal("0.05")}}


async def _due(ledger: Ledger, count: int, *types: JobType) -> None:
    await ledger.add(range(count), *types)
    await set_lengths(ledger, dict.fromkeys(range(count), 10))


async def test_a_run_ends_where_its_budget_does(night: Night) -> None:
    """As many as it pays for are sent, not one more; that is a normal end, and said in money."""
    await _due(night.ledger, 20)
    summary = await night.submit(budget=Decimal("2.75"), **PRICED)
    assert summary.stopped_by is StopReason.BUDGET
    assert summary.exit_codes == (ExitCode.CARRIED_OVER,)
    assert night.emulator.submits() == 5
    (use,) = summary.budgets
    assert (use.period, use.limit, use.spent, use.is_nearly_used) == (
        "run", Decimal("2.75"), Decimal("2.5"), True,
    )  # fmt: skip
    assert summary.obstacle == (
        f"the next one, {media(5)} (AIMediaDNA), may cost 0.50; 0.25 is left of the run's 2.75"
    )
    await night.check(submitted=5, pending=15)


async def test_the_next_run_has_a_budget_of_its_own(night: Night) -> None:
    """A run's budget is the run's; the day's is shared by all of its runs."""
    await _due(night.ledger, 20)
    limits = {"budget": Decimal("1.5"), "budget_day": Decimal("2.5"), **PRICED}
    runs = [await night.submit(**limits) for _ in range(3)]
    assert [run.states.get(State.SUBMITTED, 0) for run in runs] == [3, 2, 0]
    await night.check(submitted=5, pending=15)


async def test_a_budget_of_nothing_sends_nothing(night: Night) -> None:
    """Zero is a budget: the rows wait, and no call is made."""
    await _due(night.ledger, 3)
    summary = await night.submit(budget=Decimal(0), **PRICED)
    assert summary.stopped_by is StopReason.BUDGET
    assert night.emulator.submits() == 0
    await night.check(pending=3)


async def test_nothing_due_is_no_matter_of_budget(night: Night) -> None:
    """A run that finds nothing to do says so, whatever it may spend."""
    summary = await night.submit(budget=Decimal(0), **PRICED)
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.exit_codes == ()


async def test_a_refusal_frees_its_money_for_the_next(night: Night) -> None:
    """What was reserved for a refused media pays for another one."""
    await _due(night.ledger, 6)
    night.emulator.fault("refuse", code="InvalidVideo.NotFound", status=404, count=2)
    summary = await night.submit(budget=Decimal("1.5"), concurrency=1, **PRICED)
    assert summary.stopped_by is StopReason.BUDGET
    await night.check(rejected=2, submitted=3, pending=1)


async def test_a_doubt_keeps_its_money(night: Night) -> None:
    """A request that may have made a job counts as one."""
    await _due(night.ledger, 6)
    night.emulator.fault("accept_then_drop", count=1)
    summary = await night.submit(budget=Decimal("1.5"), concurrency=1, **PRICED)
    assert summary.stopped_by is StopReason.BUDGET
    assert summary.states[State.SUBMITTED] == 2
    assert night.emulator.meter()["jobs"] == 3


async def test_a_type_without_a_price_cannot_be_held_to_a_budget(night: Night) -> None:
    """The run ends with what to set; nothing of that type was sent."""
    await _due(night.ledger, 2, TAG)
    with pytest.raises(ConfigurationError, match="AIVideoTag has no price: set prices"):
        await night.submit(budget=Decimal(9), **PRICED)
    assert night.emulator.submits() == 0
    assert await night.ledger.states() == {State.PENDING: 2}


async def test_an_unknown_length_waits_under_a_budget(night: Night) -> None:
    """It is carried over with the reason, while the others are sent."""
    await night.ledger.add(range(3), DNA)
    await set_lengths(night.ledger, {1: 10, 2: 10})
    summary = await night.submit(budget=Decimal(9), **PRICED)
    assert summary.stopped_by is StopReason.BUDGET
    assert summary.obstacle
    assert f"how long the next one, {media(0)}, is nobody knows" in summary.obstacle
    await night.check(submitted=2, pending=1)


async def test_a_submit_is_written_down_as_a_run(night: Night) -> None:
    """Its settings, its end and its worst second are kept; what may hold a secret is not."""
    await _due(night.ledger, 3)
    await night.submit(budget=Decimal(9), **PRICED)
    (run,) = await night.ledger.sql.fetch("SELECT *, settings::text AS told FROM runs")
    assert (run["kind"], run["stopped_by"], run["exit_code"]) == ("submit", "nothing is due", 0)
    assert run["worst_second"] == 3
    assert '"budget": "9"' in run["told"]
    assert "database_url" not in run["told"]
    spent_by = await night.ledger.sql.fetch("SELECT DISTINCT run_id FROM submissions")
    assert [row["run_id"] for row in spent_by] == [run["id"]]
