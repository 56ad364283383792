"""Absence: proven after the settling time, then the row is due again, and is paid once."""

from datetime import timedelta

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.ledger import DNA, TAG
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
