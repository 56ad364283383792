"""A retry where no certain refusal came: the row is settled like any doubt, not paid again."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batch.core.states import State
from batch.ledger.operators import Operators, Selection
from batch.operate import operating
from batch.operate.selecting import Command, Selectors
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import Ledger, media
from tests.support.night import Night
from tests.support.settling import Morning

StartEmulator = Callable[[str], Emulator]
WHO, WHY = "operator test@here", "retry of a test"


async def _refused(ledger: Ledger, number: int, *, campaign: str = "default") -> int:
    """Put a row where an unknown code left it."""
    (row,) = await ledger.add([number], campaign=campaign)
    worker = await ledger.worker()
    for step in (State.SUBMITTING, State.REJECTED):
        await ledger.move(row, step, worker)
    await ledger.sql.execute("UPDATE submissions SET refusal_is_certain = false WHERE id = $1", row)
    return row


async def _retry(ledger: Ledger, **selected: Any) -> tuple[int, int]:
    return await Operators(ledger.database, ledger.store.target).retry(
        Selection(**selected), WHY, WHO
    )


async def _each_paid_once(night: Night, count: int) -> None:
    """Assert that every row has the one job that the cloud made for it."""
    rows = await night.ledger.rows()
    assert {row["state"] for row in rows} <= {"submitted", "succeeded"}
    made = {job["media_id"]: job["job_id"] for job in night.emulator.jobs()}
    assert len(night.emulator.jobs()) == len(rows) == count
    assert {row["media_id"]: row["job_id"] for row in rows} == made


TROUBLES = [
    ("AcsServerTimeOut", 408),
    ("InternalError", 400),
    ("ServiceUnavailable", 400),
    ("UnknownError", 400),
    ("Some.Code", 499),
]


@pytest.mark.parametrize(("code", "status"), TROUBLES)
async def test_a_job_made_behind_a_4xx_is_found_and_not_paid_again(
    night: Night, start_emulator: StartEmulator, code: str, status: int
) -> None:
    """The server's own trouble is no refusal: the row is in doubt, and its job is looked up."""
    toml = f'[refusals.internal_error]\ncode = "{code}"\nstatus = {status}'
    here = replace(night, emulator=start_emulator(toml))
    here.emulator.fault("error_500", execute=True, count=1)
    await here.ledger.add([1])
    await here.submit()
    await here.check(in_doubt=1)
    await _retry(here.ledger)
    await Morning(here).reconcile()
    await here.submit()
    await _each_paid_once(here, 1)
    assert here.emulator.submits() == 1


@pytest.mark.parametrize("makes_job", [True, False])
async def test_an_unknown_code_is_a_doubt_and_then_a_job_or_a_refusal(
    night: Night, start_emulator: StartEmulator, *, makes_job: bool
) -> None:
    """It proves nothing by itself; with a look-up that shows no job it is the refusal it says."""
    toml = '[refusals.internal_error]\ncode = "Job.Queued"\nstatus = 403'
    here = replace(night, emulator=start_emulator(toml))
    here.emulator.fault("error_500", execute=makes_job, media_id=media(1), count=1)
    hit, *_ = await here.ledger.add(range(1, 5))
    for _ in range(2):
        await here.submit()
        assert await here.ledger.state(hit) is State.IN_DOUBT
    assert await _retry(here.ledger) == (0, 0)
    summary = await Morning(here).reconcile()
    assert summary.settled == ({"adopted": 1} if makes_job else {"absent": 1})
    await here.submit()
    assert here.emulator.submits() == 4
    if not makes_job:
        row = await here.ledger.row(hit)
        assert (row["state"], row["error_code"]) == ("rejected", "Job.Queued")
        *_, last = await here.ledger.history(hit)
        assert "no job exists, and it was refused" in last["reason"]
        assert await _retry(here.ledger) == (1, 0)
        await here.submit()
    await _each_paid_once(here, 4)


async def test_a_rejection_that_proves_nothing_is_looked_up_by_a_retry(night: Night) -> None:
    """An older program, or its journal, rejected by a code that nobody knows."""
    row = await _refused(night.ledger, 1)
    assert await _retry(night.ledger) == (0, 1)
    *_, last = await night.ledger.history(row)
    assert (last["from_state"], last["to_state"]) == ("rejected", "in_doubt")
    assert (last["actor"], last["reason"]) == (WHO, WHY)
    summary = await Morning(night).reconcile()
    assert summary.settled == {"absent": 1}
    await night.submit()
    await _each_paid_once(night, 1)


@pytest.mark.parametrize("code", ["InvalidVideo.NotFound", "InvalidParameter", "MissingMediaId"])
async def test_a_documented_refusal_is_due_again_at_once(night: Night, code: str) -> None:
    """It proves that no job exists: no look is needed."""
    night.emulator.fault("refuse", code=code, status=400, count=1)
    await night.ledger.add(range(3))
    await night.submit()
    await night.check(rejected=1, submitted=2)
    assert await _retry(night.ledger) == (1, 0)
    await night.submit()
    await night.check(submitted=3)


async def test_what_an_earlier_program_rejected_is_looked_up(ledger: Ledger) -> None:
    """It kept no certainty; a preflight's row that was never sent needs none."""
    row = await _refused(ledger, 1)
    (unsent,) = await ledger.add([2])
    await ledger.sql.execute("UPDATE submissions SET refusal_is_certain = NULL")
    await ledger.sql.execute(
        "UPDATE submissions SET state = 'rejected', error_code = 'Preflight.NotFound', "
        "finished_at = now() WHERE id = $1", unsent,
    )  # fmt: skip
    assert await _retry(ledger) == (1, 1)
    assert await ledger.state(row) is State.IN_DOUBT
    assert await ledger.state(unsent) is State.PENDING


async def test_a_dead_row_that_may_have_arrived_is_looked_up(ledger: Ledger) -> None:
    """Dead without proof that nothing was sent: the same as a refusal that is not certain."""
    row = await ledger.put(1, State.DEAD)
    sure = await ledger.put(2, State.DEAD)
    await ledger.sql.execute("UPDATE submissions SET refusal_is_certain = NULL WHERE id = $1", row)
    assert await _retry(ledger) == (1, 1)
    assert await ledger.state(row) is State.IN_DOUBT
    assert await ledger.state(sure) is State.PENDING


async def test_of_one_media_one_doubt_at_a_time(ledger: Ledger) -> None:
    """Two that may have a job could not be told apart: the oldest goes first, the other is told."""
    first = await _refused(ledger, 1)
    second = await _refused(ledger, 1, campaign="again")
    operators = Operators(ledger.database, ledger.store.target)
    plan = await operating.preview(
        operators, Command.RETRY, Selectors(states=(State.REJECTED,)),
        Selection(states=(State.REJECTED,)), None,
    )  # fmt: skip
    assert (plan.count, plan.doubt_count, plan.left_count) == (1, 1, 1)
    assert "to be settled first" in str(plan.left[0].why)
    assert await operating.carry_out(operators, plan, WHO) == operating.Done(1, 1)
    assert await ledger.state(first) is State.IN_DOUBT
    assert await ledger.state(second) is State.REJECTED
    assert await _retry(ledger) == (0, 0)


async def test_a_word_says_how_many_come_into_doubt_and_why(
    ledger: Ledger, console: Console
) -> None:
    """Before anything is done, and after; for people and for scripts."""
    await _refused(ledger, 1)
    await ledger.put(2, State.REJECTED)
    words = ("retry", "--state", "rejected")
    told = (await asyncio.to_thread(console.run, *words, "--dry-run")).stdout
    assert "1 of these come into doubt: their last answer was no certain refusal" in told
    story = (await asyncio.to_thread(console.run, "why", media(1))).stdout
    assert "no certain refusal, so a job may exist" in story
    done = await asyncio.to_thread(console.run, *words, "--yes", "--json")
    facts = json.loads(done.stdout)
    assert (facts["count"], facts["done"], facts["in_doubt"]) == (2, 2, 1)
    assert sorted(group["in_doubt"] for group in facts["moved"]) == [False, True]
    assert await ledger.states() == {State.IN_DOUBT: 1, State.PENDING: 1}
