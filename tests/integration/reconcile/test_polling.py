"""Polling: jobs are followed to the cloud's verdict, ten in a call."""

from collections.abc import Callable

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.ledger import media
from tests.support.settling import Morning


async def test_jobs_are_followed_to_their_end(morning_under: Callable[[str], Morning]) -> None:
    """Success and failure are the cloud's word; a failed job keeps its code and its JobId."""
    toml = f'[jobs]\nfailing_media = ["{media(3)}"]\nfail_code = "Bad.Video"'
    morning = morning_under(toml)
    await morning.night.ledger.add(range(23))
    await morning.night.submit()
    summary = await morning.reconcile()
    assert summary.ended == {State.SUCCEEDED: 22, State.FAILED: 1}
    assert (summary.open_jobs, summary.unknown_jobs) == (0, 0)
    assert summary.exit_codes == (ExitCode.DONE_WITH_FAILURES,)
    assert morning.night.emulator.meter()["requests"]["ListAIJob"] == 3
    failed = (await morning.night.ledger.rows())[3]
    assert (failed["state"], failed["error_code"]) == (State.FAILED, "Bad.Video")
    assert failed["job_id"]
    assert failed["finished_at"]
    await morning.night.ledger.check(morning.night.emulator.jobs())


async def test_jobs_that_have_not_ended_stay_open(morning_under: Callable[[str], Morning]) -> None:
    """One round leaves them submitted, and says that something is carried over."""
    morning = morning_under("[jobs]\nfinished_after_seconds = 3600")
    await morning.night.ledger.add(range(12))
    await morning.night.submit()
    summary = await morning.reconcile()
    assert (summary.open_jobs, summary.ended) == (12, {})
    assert summary.exit_codes == (ExitCode.CARRIED_OVER,)
    await morning.night.check(submitted=12)


async def test_reconcile_waits_for_jobs_to_end(morning_under: Callable[[str], Morning]) -> None:
    """Without --once it goes round until nothing is open."""
    morning = morning_under("[jobs]\nfinished_after_seconds = 1.5")
    await morning.night.ledger.add(range(3))
    await morning.night.submit()
    summary = await morning.reconcile(once=False)
    assert summary.ended == {State.SUCCEEDED: 3}
    assert summary.exit_codes == ()


async def test_unknown_jobs_are_distinguished(morning: Morning) -> None:
    """A JobId that the cloud does not know stays as it is, is named, and keeps nobody waiting."""
    await morning.night.ledger.add(range(3))
    await morning.night.submit()
    [lost, *_] = await morning.night.ledger.rows()
    await morning.night.ledger.sql.execute(
        "UPDATE submissions SET job_id = $2 WHERE id = $1", lost["id"], "f" * 32
    )
    summary = await morning.reconcile(once=False)
    assert (summary.unknown_jobs, summary.open_jobs) == (1, 1)
    assert summary.ended == {State.SUCCEEDED: 2}
    row = await morning.night.ledger.row(lost["id"])
    assert (row["state"], row["error_code"]) == (State.SUBMITTED, "JobUnknown")
    assert summary.exit_codes == (ExitCode.CARRIED_OVER,)


async def test_a_poll_without_an_answer_changes_nothing(morning: Morning) -> None:
    """Calls that fail are counted and told; the jobs stay open, then end."""
    await morning.night.ledger.add(range(12))
    await morning.night.submit()
    morning.night.emulator.fault("error_503", action="ListAIJob")
    summary = await morning.reconcile()
    assert (summary.failed_calls, summary.open_jobs, summary.ended) == (2, 12, {})
    assert summary.last_trouble
    morning.night.emulator.forget_faults()
    assert (await morning.reconcile()).ended == {State.SUCCEEDED: 12}


async def test_a_terminal_row_is_not_polled_again(morning: Morning) -> None:
    """What has ended stays as it is, and costs no further call."""
    await morning.night.ledger.add(range(3))
    await morning.night.submit()
    await morning.reconcile()
    calls = morning.night.emulator.meter()["requests"]["ListAIJob"]
    before = await morning.night.ledger.rows()
    await morning.reconcile()
    assert morning.night.emulator.meter()["requests"]["ListAIJob"] == calls
    assert await morning.night.ledger.rows() == before
