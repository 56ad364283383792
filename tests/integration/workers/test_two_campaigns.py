"""Two campaigns of the same media at once: each is paid for by itself, one after the other."""

import asyncio
from contextlib import ExitStack

import pytest

from batch.errors import ExitCode
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, Ledger
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.long

MEDIA = 300
_TOGETHER = """
WITH flight AS (
    SELECT s.media_id, s.job_type, h.submission_id, h.to_state, h.at AS since,
           lead(h.at) OVER (PARTITION BY h.submission_id ORDER BY h.id) AS until
      FROM submission_history h JOIN submissions s ON s.id = h.submission_id
)
SELECT count(*) FROM flight a JOIN flight b USING (media_id, job_type, to_state)
 WHERE to_state = 'submitting' AND a.submission_id < b.submission_id
   AND tstzrange(a.since, a.until) && tstzrange(b.since, b.until)
"""
"""Pairs of submissions of one media and type that were on the wire at the same time."""


async def test_two_campaigns_at_once_never_meet_on_the_wire(
    console: Console, ledger: Ledger, emulator: Emulator
) -> None:
    """Two workers, the lists side by side: no media claimed twice, every job known and its own."""
    emulator.fault("delay", seconds=0.02)
    for n in range(MEDIA):
        for campaign in ("first", "second"):
            await ledger.add([n], DNA, TAG, campaign=campaign)
    hurried = console.having(VOD_BATCH_QPS=2000, VOD_BATCH_CONCURRENCY=16)
    with ExitStack() as stack:
        workers = [stack.enter_context(hurried.started("submit")) for _ in range(2)]
        codes = [await asyncio.to_thread(worker.wait, PATIENCE) for worker in workers]
    assert codes == [ExitCode.DONE] * 2
    assert await ledger.sql.fetchval(_TOGETHER) == 0
    rows = await ledger.rows()
    jobs = {job["job_id"] for job in emulator.jobs()}
    assert len(jobs) == 4 * MEDIA
    assert {row["job_id"] for row in rows} == jobs
    await ledger.check()
