"""Absence: proven after the settling time, then the row is due again, and is paid once."""

from datetime import timedelta

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from batch.ledger.doubts import Doubts
from batch.ledger.operators import Operators, Selection
from batch.reconcile.resolving import Resolution, resolve
from tests.support.ledger import DNA, TAG, media
from tests.support.receipts import accepted_late
from tests.support.settling import WORLDS, Morning


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Every rule holds for a stand-in that is believed, and for one that plays the cloud."""
    return str(request.param)


async def test_what_never_arrived_is_sent_again_once(morning: Morning) -> None:
    """No trace after the settling time: pending, then submitted under a new intent."""
    rows = await morning.doubt([1, 2], DNA, TAG, fault="drop_before")
    await morning.long_after()
    summary = await morning.reconcile()
    assert (summary.settled, summary.exit_codes) == ({"absent": 4}, ())
    assert {await morning.night.ledger.state(row) for row in rows} == {State.PENDING}
    await morning.night.submit()
    assert {await morning.night.ledger.state(row) for row in rows} == {State.SUBMITTED}
    assert (morning.submits(1), morning.submits(2)) == (2, 2)
    for row in rows:
        first, second = await morning.night.ledger.attempts(row)
        assert (first["outcome"], second["outcome"]) == ("in_doubt", "accepted")
        assert first["nonce"] != second["nonce"]


async def test_before_the_settling_time_nothing_is_sent_again(morning: Morning) -> None:
    """A doubt younger than an hour waits, whatever the list shows."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.witness()
    for _ in range(2):
        summary = await morning.reconcile(settle=timedelta(hours=1))
        assert (summary.settled, summary.in_doubt, summary.needs_operator) == ({}, 1, 0)
        assert summary.exit_codes == (ExitCode.DONE_WITH_DOUBTS,)
        await morning.night.submit()
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 0


async def test_a_doubt_holds_back_the_same_media_of_another_campaign(morning: Morning) -> None:
    """Two unresolved requests of a media and type could not be told apart: the second one waits."""
    await morning.doubt([1], fault="drop_before")
    [again] = await morning.night.ledger.add([1], campaign="again")
    await morning.night.submit()
    assert await morning.night.ledger.state(again) is State.PENDING
    await morning.long_after()
    await morning.reconcile()
    await morning.night.submit()
    assert await morning.night.ledger.state(again) is State.SUBMITTED
    assert morning.submits(1) == 2


@pytest.mark.parametrize("fault", ["drop_before", "accept_then_drop"])
async def test_settling_is_repeatable(morning: Morning, fault: str) -> None:
    """However often submit and reconcile run after one another, there is one job."""
    [row] = await morning.doubt([1], fault=fault)
    if fault == "drop_before":
        await morning.long_after()
    for _ in range(3):
        await morning.reconcile()
        await morning.night.submit()
    await morning.reconcile()
    assert morning.submits(1) == 1
    assert await morning.night.ledger.state(row) is State.SUCCEEDED


async def test_a_late_answer_after_absence_is_not_paid_again(morning: Morning) -> None:
    """The proof was wrong after all: the receipt takes the row before it is sent again."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.long_after()
    await morning.reconcile()
    assert await morning.night.ledger.state(row) is State.PENDING
    await accepted_late(morning.night.ledger, row, "late")
    assert (await morning.night.ledger.row(row))["job_id"] == "late"
    await morning.night.submit()
    assert morning.submits(1) == 0


async def test_what_was_proven_absent_goes_behind_fresh_rows(morning: Morning) -> None:
    """Whatever its priority was: what could not be sent twice keeps nobody waiting."""
    ledger = morning.night.ledger
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.long_after()
    await morning.reconcile()
    found = await ledger.row(row)
    assert (found["state"], found["attempts"], found["set_back_from"]) == (State.PENDING, 1, 0)
    fresh = await ledger.add([2, 3], priority=-5)
    await morning.night.submit(max_submissions=2, concurrency=1)
    assert [await ledger.state(one) for one in (row, *fresh)] == [
        State.PENDING, State.SUBMITTED, State.SUBMITTED,
    ]  # fmt: skip


async def test_what_is_absent_again_and_again_is_dead(morning: Morning) -> None:
    """After as many attempts as a row may have; an operator's retry begins anew, in its place."""
    ledger = morning.night.ledger
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.long_after()
    assert (await morning.reconcile(max_attempts=2)).settled == {"absent": 1}
    morning.night.emulator.fault("drop_before", media_id=media(1), count=1)
    await morning.night.submit()
    await morning.long_after()
    await morning.witness(991)
    summary = await morning.reconcile(max_attempts=2)
    assert summary.settled == {"dead": 1}
    assert ExitCode.DONE_WITH_FAILURES in summary.exit_codes
    found = await ledger.row(row)
    assert (found["state"], found["error_code"]) == (State.DEAD, "no_job")
    await morning.night.submit()
    assert morning.submits(1) == 0
    operators = Operators(ledger.database, ledger.store.target)
    await operators.retry(Selection(media=(media(1),)), "try again", "operator")
    found = await ledger.row(row)
    assert (found["state"], found["attempts"], found["priority"]) == (State.PENDING, 0, 0)
    await morning.night.submit()
    assert morning.submits(1) == 1


@pytest.mark.parametrize("word", [Resolution.ABSENT, Resolution.RESEND])
async def test_an_operators_word_sends_again_in_its_place(
    morning: Morning, word: Resolution
) -> None:
    """However often it was tried: who says so has a reason."""
    ledger = morning.night.ledger
    [row] = await morning.doubt([1], fault="drop_before")
    await ledger.sql.execute("UPDATE submissions SET priority = -32768, set_back_from = 3")
    doubts = Doubts(ledger.database, ledger.store.target)
    assert await resolve(doubts, await doubts.list_doubts(), word, None) == {row}
    found = await ledger.row(row)
    assert (found["state"], found["priority"], found["set_back_from"]) == (State.PENDING, 3, None)
