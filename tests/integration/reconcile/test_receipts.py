"""Late answers are receipts: evidence always, a charge too many is told wherever one looks."""

import json
from random import Random

import pytest

from batch.core.classify import classify
from batch.core.outcome import Answer
from batch.core.states import State
from batch.core.verdict import Verdict, judge
from batch.errors import ExitCode
from batch.ledger.doubts import Doubts
from batch.ledger.operators import Operators, Selection
from tests.support.console import Console
from tests.support.ledger import DNA, media
from tests.support.receipts import accepted_late
from tests.support.settling import Morning


async def test_a_late_answer_settles_the_doubt(morning: Morning) -> None:
    """The answer of a worker that was taken for dead brings the JobId home."""
    [row] = await morning.doubt([1], fault="drop_before")
    await accepted_late(morning.night.ledger, row, "late")
    kept = await morning.night.ledger.row(row)
    assert (kept["state"], kept["job_id"]) == (State.SUBMITTED, "late")


async def test_a_late_answer_after_a_resend_is_a_second_charge(
    morning: Morning, console: Console
) -> None:
    """Two JobIds for one submission: status names both, the exit code of every run is 4."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.reconcile()
    await morning.night.submit()
    job_id = (await morning.night.ledger.row(row))["job_id"]
    assert await accepted_late(morning.night.ledger, row, "late") == [row]
    assert (await morning.night.ledger.row(row))["job_id"] == job_id
    status = json.loads(console.run("status", "--json").stdout)
    [charge] = status["extra_charges"]
    assert (charge["submission_id"], set(charge["job_ids"])) == (row, {job_id, "late"})
    assert "late" in console.run("status").stdout
    assert console.run("submit", code=ExitCode.DONE_WITH_DOUBTS).stdout.count("charged more") == 1
    ended = console.run("reconcile", "--once", "--json", code=ExitCode.DONE_WITH_DOUBTS)
    assert json.loads(ended.stdout)["extra_charges"] == 1


async def test_a_second_job_of_one_answer_is_a_second_charge(morning: Morning) -> None:
    """The same attempt, told of another JobId later, keeps both."""
    [row] = await morning.doubt([1])
    await morning.reconcile()
    await accepted_late(morning.night.ledger, row, "another")
    summary = await morning.reconcile()
    assert (summary.extra_charges, summary.exit_codes) == (1, (ExitCode.DONE_WITH_DOUBTS,))


async def test_the_same_late_answer_is_no_second_charge(morning: Morning) -> None:
    """What the look-up found and the late answer tells is one job, paid once."""
    [row] = await morning.doubt([1])
    await morning.reconcile()
    job_id = (await morning.night.ledger.row(row))["job_id"]
    await accepted_late(morning.night.ledger, row, job_id)
    assert (await morning.reconcile()).extra_charges == 0


async def test_a_strange_jobs_receipt_is_not_adopted_by_another_doubt(morning: Morning) -> None:
    """A JobId that stands on an attempt as a receipt belongs there, and settles no other doubt."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.reconcile()
    await morning.night.submit()
    [job] = morning.night.emulator.jobs()
    assert (await morning.night.ledger.row(row))["job_id"] == job["job_id"]
    [again] = await morning.night.ledger.add([1], campaign="again")
    morning.night.emulator.fault("drop_before", count=1)
    await morning.night.submit()
    assert (await morning.reconcile()).settled == {"absent": 1}
    assert await morning.night.ledger.state(again) is State.PENDING


@pytest.mark.parametrize("named", ["for its own media", "for the media that was asked"])
async def test_a_job_that_was_named_to_another_request_is_not_paid_again(
    morning: Morning, named: str
) -> None:
    """Two answers on the way were swapped and one was lost: a receipt hides no job of another."""
    ledger = morning.night.ledger
    [second] = await morning.doubt([2])
    [first] = await ledger.add([1])
    [job] = [job for job in morning.night.emulator.jobs() if job["media_id"] == media(2)]
    [claim] = await ledger.begin()
    own = {"MediaId": media(2)} if named == "for its own media" else {}
    entry = {"JobId": job["job_id"], "Type": DNA.value} | own
    answer = Answer(200, json.dumps({"AIJobList": {"AIJob": [entry]}}).encode())
    outcome = classify(answer, media(1), claim.types)
    await ledger.store.record(judge(claim, outcome, max_attempts=8, dice=Random(1)), "test")
    await morning.long_after()
    for _ in range(2):
        await morning.reconcile()
        await morning.night.submit()
    assert morning.submits(2) == 1
    kept = await ledger.row(second)
    if own:
        assert kept["job_id"] == job["job_id"]
        assert await ledger.state(first) is State.IN_DOUBT
        await accepted_late(ledger, first, "own")
        assert (await morning.reconcile()).extra_charges == 0
    else:
        assert kept["state"] == State.IN_DOUBT
        assert "another request" in kept["error_message"]


async def _given_up_twice(morning: Morning, to_state: State, outcome: str) -> int:
    """Return a submission whose first request was found absent, and whose second was refused."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.reconcile()
    ledger = morning.night.ledger
    await ledger.begin()
    verdict = Verdict(row, 2, outcome, to_state, 400, "Some.Code", counts=False)
    assert await ledger.store.record([verdict], "test") == []
    return row


async def test_a_late_answer_of_an_earlier_request_is_not_paid_again(morning: Morning) -> None:
    """Its JobId is known before the row is sent a third time: it is the row's job."""
    row = await _given_up_twice(morning, State.PENDING, "throttled")
    ledger = morning.night.ledger
    await accepted_late(ledger, row, "late")
    assert await ledger.begin() == []
    await morning.night.submit()
    kept = await ledger.row(row)
    assert (kept["state"], kept["job_id"]) == (State.SUBMITTED, "late")
    assert morning.night.emulator.jobs() == []
    assert (await morning.reconcile()).extra_charges == 0


async def test_a_job_known_while_its_row_was_in_doubt_again_is_not_paid_again(
    morning: Morning,
) -> None:
    """The second request never arrived, which makes the row due: the late JobId is at hand."""
    row = await _given_up_twice(morning, State.IN_DOUBT, "in_doubt")
    ledger = morning.night.ledger
    await accepted_late(ledger, row, "late")
    await ledger.sql.execute("UPDATE attempts SET signed_at = now() - interval '1 day'")
    assert (await morning.reconcile()).settled == {"absent": 1}
    await morning.reconcile()
    assert (await ledger.row(row))["job_id"] == "late"
    await morning.night.submit()
    assert morning.night.emulator.jobs() == []


async def test_an_operators_retry_of_a_failed_job_is_no_late_answer(morning: Morning) -> None:
    """The job that failed is told again by a journal: the retry is sent all the same."""
    await morning.night.ledger.add([1])
    await morning.night.submit()
    ledger = morning.night.ledger
    [row] = [one["id"] for one in await ledger.rows()]
    await ledger.sql.execute("UPDATE submissions SET state = 'failed', finished_at = now()")
    failed = (await ledger.row(row))["job_id"]
    await Operators(ledger.database, ledger.store.target).retry(Selection(), "again", "op")
    await accepted_late(ledger, row, failed)
    await morning.night.submit()
    assert len(morning.night.emulator.jobs()) == 2
    assert (await ledger.row(row))["job_id"] != failed


async def test_a_job_of_a_cancelled_row_is_reported(morning: Morning) -> None:
    """Its first request was given up, the row withdrawn, and then its JobId came: it is paid."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.reconcile()
    ledger = morning.night.ledger
    await Operators(ledger.database, ledger.store.target).cancel(Selection(), "gone", "op")
    await accepted_late(ledger, row, "late")
    [charge] = await Doubts(ledger.database, ledger.store.target).extra_charges()
    assert (charge.submission_id, charge.job_ids) == (row, ("late",))


async def test_a_job_of_a_refused_row_is_reported(morning: Morning) -> None:
    """The first request made a job after all, the second was refused: nothing else names it."""
    row = await _given_up_twice(morning, State.REJECTED, "refused")
    ledger = morning.night.ledger
    await accepted_late(ledger, row, "late")
    [charge] = await Doubts(ledger.database, ledger.store.target).extra_charges()
    assert (charge.submission_id, charge.state, charge.job_ids) == (row, "rejected", ("late",))
