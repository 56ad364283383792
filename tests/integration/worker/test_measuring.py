"""Looks at what was sent without a length: they take a share of the night, and no more."""

from datetime import UTC, datetime, timedelta

from batch.look.preflight import PreflightSummary, preflight
from batch.session import open_session
from batch.vod.credentials import CredentialSource
from tests.support.money import held_against
from tests.support.night import KEY, Night

PAGE = 1000


async def _send(night: Night, count: int) -> None:
    """Let so many be sent at a price, for the hour that was allowed for each."""
    await night.ledger.add(range(count))
    spending = held_against(longest=3600)
    await night.ledger.begin(count, rows=count, spending=spending)
    await night.ledger.sql.execute(
        "UPDATE submissions SET state = 'submitted', job_id = 'job-' || id, submitted_at = now()"
    )


async def _preflight(night: Night, ends_in: float | None, **settings: object) -> PreflightSummary:
    now = datetime.now(UTC)
    ends_at = None if ends_in is None else now + timedelta(seconds=ends_in)
    source = CredentialSource(lambda: KEY)
    async with open_session(night.chosen(settings), source) as session:
        return await preflight(session, now, ends_at=ends_at)


async def test_what_was_sent_is_measured_in_a_tenth_of_the_night(night: Night) -> None:
    """The rest is left for the next one: what is due has waited for this."""
    await _send(night, PAGE + 20)
    # Fifty calls at this pace take half a second at the least.
    summary = await _preflight(night, 3.0, preflight_qps=100.0)
    assert (summary.measured, summary.looked_at) == (PAGE, PAGE)
    summary = await _preflight(night, None, preflight_qps=1000.0)
    assert (summary.measured, summary.looked_at) == (20, 20)
    await night.ledger.check()


async def test_a_cloud_that_does_not_answer_is_not_asked_for_every_length(night: Night) -> None:
    """A call that fails ends it, so that a night does not wait for one time-out after another."""
    await _send(night, 60)
    night.emulator.fault("refuse", action="GetVideoInfos", code="InternalError", status=500)
    summary = await _preflight(night, None, preflight_qps=1000.0)
    assert (summary.measured, summary.failed_calls) == (0, 1)
    night.emulator.forget_faults()
    assert (await _preflight(night, None, preflight_qps=1000.0)).measured == 60
