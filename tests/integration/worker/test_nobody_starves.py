"""A row that cannot be sent keeps no other row from being sent, however many nights it is there."""

from collections.abc import Sequence

import pytest

from batch.core.outcome import StopCause
from batch.core.states import State
from batch.errors import ExitCode, most_urgent
from batch.submit.tally import StopReason
from tests.support.ledger import DNA, TAG, media
from tests.support.night import Night

LONG = '{"AIVideoTag":{"Note":"' + "x" * 9000 + '"}}'
"""A configuration that no request line has room for, as an earlier program loaded it."""

FORBIDDEN = {
    "code": "Forbidden",
    "status": 403,
    "message": "User not authorized to operate on the specified resource.",
}


def media_ids(numbers: Sequence[int]) -> list[str]:
    """Return the ids of these media."""
    return [media(number) for number in numbers]


async def next_night(night: Night) -> None:
    """Let what was put off be due."""
    await night.ledger.sql.execute("UPDATE submissions SET due_at = now() WHERE due_at > now()")


# Requests that are too long.


@pytest.mark.parametrize("status", [413, 414, 431])
async def test_requests_that_are_too_long_are_their_rows_own(night: Night, status: int) -> None:
    """A gateway's page, 120 times in a row: they are rejected, and all others are sent."""
    night.emulator.fault("html", status=status, media_ids=media_ids(range(120)))
    await night.ledger.add(range(120), TAG, config=LONG)
    await night.ledger.add(range(120, 180), TAG)
    summary = await night.submit()
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.exit_codes == (ExitCode.DONE_WITH_FAILURES,)
    await night.check(rejected=120, submitted=60)
    for row in (await night.ledger.rows())[:120]:
        assert (row["error_code"], row["refusal_is_certain"]) == ("RequestTooLong", True)


async def test_a_short_request_that_is_called_too_long_is_no_certain_refusal(night: Night) -> None:
    """What every server has room for: the page proves nothing, and the row is not paid twice."""
    night.emulator.fault("html", status=414, media_id=media(1), execute=True)
    await night.ledger.add(range(4))
    await night.submit()
    now = {row["media_id"]: row for row in await night.ledger.rows()}
    assert (now[media(1)]["state"], now[media(1)]["error_code"]) == (
        State.IN_DOUBT, "RequestTooLong",
    )  # fmt: skip
    await night.check(in_doubt=1, submitted=3)


async def test_a_proxy_that_calls_all_requests_too_long_refuses_no_row(night: Night) -> None:
    """Its limit is below what every server has room for: nobody's row is to blame."""
    night.emulator.fault("html", status=431)
    await night.ledger.add(range(100))
    summary = await night.submit()
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert summary.account
    assert summary.account.cause is StopCause.EVERY_PROBE
    assert State.REJECTED not in await night.ledger.states()


# A permission that one row lacks.


@pytest.mark.parametrize("priority", [0, 5])
async def test_one_forbidden_media_costs_no_night(night: Night, priority: int) -> None:
    """It goes behind all others; refused again after twenty have passed, it is rejected."""
    night.emulator.fault("refuse", media_id=media(0), **FORBIDDEN)
    [bad] = await night.ledger.add([0], priority=priority)
    await night.ledger.add(range(1, 61))
    summary = await night.submit(concurrency=2)
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.exit_codes == (ExitCode.DONE_WITH_FAILURES,)
    await night.check(rejected=1, submitted=60)
    row = await night.ledger.row(bad)
    assert (row["error_code"], row["refusal_is_certain"]) == ("Forbidden", True)
    assert "20 others of its type passed" in row["error_message"]
    first, second = await night.ledger.attempts(bad)
    assert (first["outcome"], second["outcome"]) == ("account_stopped", "refused")


async def test_what_stopped_a_run_is_behind_fresh_rows_and_counted(night: Night) -> None:
    """Whatever its priority was; an operator's retry would put it back to its place."""
    night.emulator.fault("refuse", **FORBIDDEN)
    [row] = await night.ledger.add([0], priority=7)
    summary = await night.submit()
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert most_urgent(*summary.exit_codes) is ExitCode.PERMISSION
    night.emulator.forget_faults()
    await night.ledger.add(range(1, 4), priority=-9)
    found = await night.ledger.row(row)
    assert (found["state"], found["attempts"], found["set_back_from"]) == (State.PENDING, 2, 7)
    await night.submit(concurrency=1)
    assert [job["media_id"] for job in night.emulator.jobs()] == media_ids([1, 2, 3, 0])


@pytest.mark.parametrize("bad", [range(0, 90, 10), range(40)])
async def test_many_forbidden_media_keep_nobody_else(night: Night, bad: range) -> None:
    """Here and there, or the whole head of a list: one night sends all that may be sent."""
    night.emulator.fault("refuse", media_ids=media_ids(bad), **FORBIDDEN)
    await night.ledger.add(range(100))
    await night.submit(concurrency=2)
    assert (await night.ledger.states())[State.SUBMITTED] == 100 - len(bad)
    for one in range(2):
        await next_night(night)
        await night.ledger.add(range(200 + 30 * one, 230 + 30 * one))
        await night.submit(concurrency=2)
    await night.check(rejected=len(bad), submitted=160 - len(bad))


async def test_two_types_in_one_request_are_refused_together(night: Night) -> None:
    """Only where enough of both have passed: either may be the one that is refused."""
    night.emulator.fault("refuse", media_id=media(0), **FORBIDDEN)
    await night.ledger.add([0], DNA, TAG)
    await night.ledger.add(range(1, 41), DNA)
    await night.submit(concurrency=2)
    await night.check(pending=2, submitted=40)
    await next_night(night)
    await night.ledger.add(range(41, 81), TAG)
    await night.submit(concurrency=2)
    await night.check(rejected=2, submitted=80)


async def test_what_passes_of_another_type_says_nothing(night: Night) -> None:
    """Tags may lack what DNA has: the account is refused for them, and no row is to blame."""
    for number in range(3):
        night.emulator.fault("refuse", media_id=media(number), **FORBIDDEN)
    await night.ledger.add(range(3), TAG)
    await night.ledger.add(range(100, 160), DNA)
    for _ in range(3):
        summary = await night.submit(concurrency=2)
        assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    await night.check(pending=3, submitted=60)


async def test_few_rows_a_night_add_up(night: Night) -> None:
    """Ten that pass a night are not enough, and stop no run; over two nights they are."""
    night.emulator.fault("refuse", media_id=media(0), **FORBIDDEN)
    await night.ledger.add([0])
    await night.submit()
    for one in range(2):
        await next_night(night)
        await night.ledger.add(range(100 + 10 * one, 110 + 10 * one))
        # One after the other: what is still on the wire when the row comes does not count yet.
        summary = await night.submit(concurrency=1)
        assert summary.stopped_by is StopReason.NOTHING_DUE
    await night.check(rejected=1, submitted=20)


async def test_a_permission_that_is_withdrawn_stops_the_run(night: Night) -> None:
    """Hundreds have passed: a few refusals in a row, and nothing more is sent or rejected."""
    night.emulator.fault("refuse", after=50, **FORBIDDEN)
    await night.ledger.add(range(300))
    summary = await night.submit(concurrency=4)
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert most_urgent(*summary.exit_codes) is ExitCode.PERMISSION
    assert summary.requests <= 50 + 10 + 4
    await night.check(submitted=50, pending=250)


@pytest.mark.parametrize(
    "code", ["InvalidAccessKeyId.NotFound", "InvalidTimeStamp.Expired", "OperationDenied.Suspended"]
)
async def test_no_row_is_to_blame_for_a_key_a_clock_or_a_bill(night: Night, code: str) -> None:
    """Not even where all others pass: it keeps its place, and no attempt is counted."""
    night.emulator.fault("refuse", media_id=media(0), code=code, status=400)
    [row] = await night.ledger.add([0])
    await night.ledger.add(range(1, 41))
    for _ in range(3):
        summary = await night.submit(concurrency=30)
        assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    found = await night.ledger.row(row)
    assert (found["state"], found["attempts"], found["priority"]) == (State.PENDING, 0, 0)
