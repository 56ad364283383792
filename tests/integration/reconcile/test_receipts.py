"""Late answers are receipts: evidence always, a charge too many is told wherever one looks."""

import json

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.console import Console
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
