"""How a run ends early, and what it does while PostgreSQL is away."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic import SecretStr

from batch.core.states import State
from batch.errors import DatabaseUnavailableError, ExitCode
from batch.settings import Settings
from batch.submit.tally import StopReason
from tests.support.ledger import DNA, TAG, Ledger, media
from tests.support.line import line_to
from tests.support.night import Night, interrupt
from tests.support.proxy import proxy_to
from tests.support.waiting import PATIENCE, soon

LONG = 3600.0
"""Seconds that no test waits."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_stop_waits_for_what_is_on_the_wire(night: Night, number: signal.Signals) -> None:
    """The first signal drains: answers on the wire are recorded, nothing more is sent."""
    await night.ledger.add(range(40))
    async with proxy_to(night.emulator.url) as line:
        line.stall(requests=False)
        async with night.running(endpoint=line.url, skip_existing="never", concurrency=4) as run:
            await night.arrived(4)
            interrupt(number)
            line.resume()
            summary = await run
    assert summary.stopped_by is StopReason.SIGNAL
    assert summary.exit_codes == (ExitCode.CARRIED_OVER,)
    await night.check(submitted=4, pending=36)


async def test_a_second_signal_gives_up_on_the_answers(night: Night) -> None:
    """Forced, the run ends at once; what was on the wire is in doubt, the rest pending."""
    night.emulator.fault("hang", execute=True)
    await night.ledger.add(range(10))
    async with night.running(concurrency=3, read_timeout=LONG, total_timeout=LONG) as run:
        await night.arrived(3)
        interrupt()
        await asyncio.sleep(0)
        interrupt()
        summary = await asyncio.wait_for(run, PATIENCE)
    assert ExitCode.DONE_WITH_DOUBTS in summary.exit_codes
    await night.check(in_doubt=3, pending=7)


async def test_a_drain_ends_with_its_grace(night: Night) -> None:
    """A stop waits for answers no longer than the grace; what did not come is in doubt."""
    night.emulator.fault("hang")
    await night.ledger.add(range(10))
    async with night.running(
        concurrency=2, read_timeout=LONG, total_timeout=LONG, grace=0.5
    ) as run:
        await night.arrived(2)
        interrupt()
        await asyncio.wait_for(run, PATIENCE)
    await night.check(in_doubt=2, pending=8)


async def test_a_worker_that_ends_says_so(night: Night) -> None:
    """After a run the worker's row is ended, so that nothing waits for its heartbeat."""
    await night.ledger.add([1])
    await night.submit()
    assert await night.ledger.sql.fetchval("SELECT ended_at IS NOT NULL FROM workers")


async def test_the_rows_of_a_dead_worker_come_into_doubt(night: Night) -> None:
    """A run begins by expiring what a dead worker was sending, and does not send it again."""
    dead = await night.ledger.worker(silent_for=60)
    lost = await night.ledger.put(1, State.SUBMITTING, dead)
    await night.ledger.add([2])
    summary = await night.submit(heartbeat_timeout=15)
    assert summary.expired == 1
    assert await night.ledger.state(lost) is State.IN_DOUBT
    assert {job["media_id"] for job in night.emulator.jobs()} == {media(2)}


async def test_a_run_waits_for_a_worker_that_may_be_dead(night: Night) -> None:
    """Rows of a silent worker keep the run until it is taken for dead; only then it ends."""
    held = await night.ledger.put(1, State.SUBMITTING, await night.ledger.worker())
    summary = await night.submit(heartbeat_timeout=1)
    assert summary.expired == 1
    assert await night.ledger.state(held) is State.IN_DOUBT


async def _cut_connections(ledger: Ledger) -> None:
    await ledger.sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'vod-batch'"
    )


async def test_nothing_is_lost_while_postgresql_cuts_us_off(night: Night) -> None:
    """Every connection is ended five times in the middle of a run: each row has its one job."""
    night.emulator.fault("delay", seconds=0.05)
    await night.ledger.add(range(120), DNA, TAG)
    async with night.running(concurrency=6) as run:
        for cut in range(5):
            await night.arrived(15 * (cut + 1))
            await _cut_connections(night.ledger)
        summary = await run
    await night.check(submitted=240)
    assert summary.exit_codes == ()
    assert night.emulator.submits() == len(night.emulator.jobs()) / 2


async def test_a_record_waits_until_the_ledger_takes_it(night: Night) -> None:
    """Answers that meet a locked table are kept, then recorded in a few statements.

    Ten of them: no more are under way before the first answer of a run.
    """
    night.emulator.fault("delay", seconds=1.0)
    await night.ledger.add(range(10))
    async with night.running(concurrency=10, skip_existing="never") as run:
        await night.arrived(10)
        async with night.ledger.sql.transaction():
            await night.ledger.sql.execute("LOCK TABLE attempts IN SHARE MODE")
            await _answered(night, 10)
        await run
    await night.check(submitted=10)
    # Each statement is a transaction of its own, and marks the rows it wrote.
    statements = await night.ledger.sql.fetchval("SELECT count(DISTINCT xmin::text) FROM attempts")
    assert statements <= 3


async def _answered(night: Night, number: int) -> None:
    async def look() -> bool:
        waiting = await night.ledger.sql.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        meter = await asyncio.to_thread(night.emulator.meter)
        return bool(waiting) and meter["answers"].get("OK") == number

    await soon(look, "the answers, and a record that waits")
    for _ in range(50):  # turns of the loop in which the answers reach the recorder
        await asyncio.sleep(0)


async def test_a_begin_without_an_answer_is_given_back(night: Night) -> None:
    """Claims whose answer was lost on the line were not sent: they go back, then out once."""
    await night.ledger.add(range(6))
    async with line_to(night.ledger.url) as line:
        line.swallow_answer_with(media(0))
        far = replace(night.ledger, settings=_settings_for(night.ledger, line.url))
        summary = await replace(night, ledger=far).submit(concurrency=3, skip_existing="never")
    assert line.cuts == 1
    await night.check(submitted=6)
    assert summary.exit_codes == ()
    assert night.emulator.submits() == 6
    (row,) = [row for row in await night.ledger.rows() if row["media_id"] == media(0)]
    assert (row["lease"], row["attempts"]) == (2, 1)
    lost, sent = await night.ledger.attempts(row["id"])
    assert (lost["outcome"], sent["outcome"]) == ("not_sent", "accepted")
    # By its nonce the journal finds a request's attempt: with two, a JobId may go to the wrong one.
    assert lost["nonce"] != sent["nonce"]


async def test_a_line_cut_at_the_last_look_does_not_spoil_the_result(night: Night) -> None:
    """All is sent and recorded; what is read for the summary is read again."""
    await night.ledger.add(range(2))
    async with line_to(night.ledger.url) as line:
        line.swallow_answer_with("job_ids")  # a column of list_receipts alone
        far = replace(night.ledger, settings=_settings_for(night.ledger, line.url))
        summary = await replace(night, ledger=far).submit()
    assert line.cuts == 1
    assert summary.exit_codes == ()
    await night.check(submitted=2)


async def test_a_ledger_that_stays_away_ends_the_run_with_the_truth(night: Night) -> None:
    """Patience used up, the run fails; a later run finds the sent rows in doubt, not pending."""
    night.emulator.fault("delay", seconds=0.3)
    await night.ledger.add(range(6))
    async with line_to(night.ledger.url) as line:
        far = replace(night.ledger, settings=_settings_for(night.ledger, line.url))
        there = replace(night, ledger=far)
        async with there.running(concurrency=2, database_patience=1.0, grace=2) as run:
            await night.arrived(2)
            line.close()
            with suppress(DatabaseUnavailableError):
                await asyncio.wait_for(run, PATIENCE)
            assert isinstance(run.exception(), DatabaseUnavailableError)
    await night.submit(heartbeat_timeout=1)
    jobs = night.emulator.jobs()
    assert night.emulator.meter()["media_types_with_more_than_one_job"]["count"] == 0
    await night.ledger.check(jobs)
    assert State.SUBMITTING not in await night.ledger.states()


def _settings_for(ledger: Ledger, url: str) -> Settings:
    return ledger.settings.model_copy(update={"database_url": SecretStr(url)})
