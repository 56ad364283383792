"""PostgreSQL away: nothing is sent without an intent, no receipt is lost, the run goes on."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from batch.core.states import State
from batch.ledger import store
from batch.ledger.connecting import pool
from batch.ledger.statements import statement
from batch.submit.tally import RunSummary
from tests.support.ledger import DNA, TAG, open_ledger
from tests.support.lost_answer import answer_lost
from tests.support.night import Night
from tests.support.proxy import Proxy, proxy_to
from tests.support.stoppable import Stoppable
from tests.support.waiting import PATIENCE, soon

CONCURRENCY = 6
GAP_SECONDS = 3.0


def _at(night: Night, url: str) -> Night:
    """Return the night with another way to its database."""
    settings = night.ledger.settings.model_copy(update={"database_url": SecretStr(url)})
    return replace(night, ledger=replace(night.ledger, settings=settings))


@asynccontextmanager
async def _through(night: Night) -> AsyncIterator[tuple[Night, Proxy]]:
    """Put a proxy between this night's worker and its database."""
    async with proxy_to(night.ledger.url) as proxy:
        yield _at(night, proxy.url), proxy


@dataclass
class Log:
    """What the run logs."""

    entries: list[Any]

    async def tells(self, what: str, number: int = 1) -> None:
        """Wait until so many lines hold ``what``."""

        async def look() -> bool:
            return sum(what in str(entry) for entry in self.entries) >= number

        await soon(look, f"{what!r} in the log")


@pytest.fixture
def log() -> "Any":
    """Follow the log of this process."""
    with capture_logs() as entries:
        yield Log(entries)


async def _all_sent_once(night: Night, summary: RunSummary, rows: int) -> None:
    assert summary.exit_codes == ()
    await night.check(submitted=rows)
    assert night.emulator.submits() == len(night.emulator.jobs()) == rows


# The server that they stop is started once.
together = pytest.mark.xdist_group("own_postgres")


@together
@pytest.mark.long
async def test_postgresql_stops_in_the_middle_of_a_run(
    own_postgres: Stoppable, own_night: Night
) -> None:
    """No send during the gap but those begun; answers that come meanwhile are recorded after it."""
    night = own_night
    night.emulator.fault("delay", seconds=0.3)
    await night.ledger.add(range(60))
    async with night.running(concurrency=CONCURRENCY) as run:
        await night.arrived(2 * CONCURRENCY)
        before = night.emulator.submits()
        await asyncio.to_thread(own_postgres.stop)
        await asyncio.sleep(GAP_SECONDS)  # the gap itself is what is tested
        sent_in_the_gap = night.emulator.submits() - before
        await asyncio.to_thread(own_postgres.start)
        summary = await run
    assert sent_in_the_gap <= 2 * CONCURRENCY  # those begun before, and during the stop
    async with open_ledger(night.ledger.url) as ledger:
        await _all_sent_once(replace(night, ledger=ledger), summary, 60)
        begun = await ledger.sql.fetch("SELECT begun_at FROM attempts ORDER BY begun_at")
    pauses = [b["begun_at"] - a["begun_at"] for a, b in itertools.pairwise(begun)]
    assert max(pauses).total_seconds() > GAP_SECONDS / 2


@together
async def test_answers_of_the_gap_survive_the_worker(
    own_postgres: Stoppable, own_night: Night
) -> None:
    """PostgreSQL never comes back for this run: the journal holds the JobIds for the next one."""
    night = own_night
    night.emulator.fault("delay", seconds=0.5)
    await night.ledger.add(range(12))
    async with night.running(concurrency=4, database_patience=0.5, grace=3) as run:
        await night.arrived(4)
        await asyncio.to_thread(own_postgres.stop)
        await asyncio.wait([run])
        assert run.exception()
    made = {job["job_id"] for job in night.emulator.jobs()}
    assert made
    await asyncio.to_thread(own_postgres.start)
    async with open_ledger(night.ledger.url) as ledger:
        later = replace(night, ledger=ledger)
        summary = await later.submit()
        assert summary.exit_codes == ()
        await later.check(submitted=12)
        assert made <= {row["job_id"] for row in await ledger.rows()}
        assert night.emulator.submits() == 12


@together
async def test_too_many_connections(
    own_postgres: Stoppable, own_night: Night, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection to be had: the worker waits, sends nothing, and goes on when there is one."""
    monkeypatch.setattr(pool, "FULL_SECONDS", 0.5)  # instead of 10, to say so sooner
    night, server = own_night, own_postgres.server
    server.psql("CREATE ROLE worker LOGIN IN ROLE pg_read_all_data, pg_write_all_data")
    try:
        there = _at(night, night.ledger.url.replace("postgres:@", "worker:@"))
        night.emulator.fault("delay", seconds=0.05)
        await night.ledger.add(range(80))
        async with there.running(concurrency=4) as run:
            await night.arrived(8)
            server.psql("ALTER ROLE worker CONNECTION LIMIT 0")
            server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker'"
            )
            await log.tells("too many connections", 2)
            server.psql("ALTER ROLE worker CONNECTION LIMIT -1")
            summary = await run
        await _all_sent_once(night, summary, 80)
    finally:
        server.psql("DROP ROLE worker")


async def test_a_read_only_while(night: Night, log: Log) -> None:
    """A server that takes no writes is away, and is back as soon as it takes them again."""
    name = urlsplit(night.ledger.url).path[1:]
    night.emulator.fault("delay", seconds=0.05)
    await night.ledger.add(range(80))
    async with night.running(concurrency=4) as run:
        await night.arrived(8)
        await night.ledger.sql.execute(
            f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        )
        await _end_backends(night)
        await log.tells("read-only", 2)
        await night.ledger.sql.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        summary = await asyncio.wait_for(run, PATIENCE)
    await _all_sent_once(night, summary, 80)


async def _end_backends(night: Night) -> None:
    await night.ledger.sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'vod-batch'"
    )


async def test_backends_end_again_and_again(night: Night) -> None:
    """Whatever statement is running when its backend goes, no row is lost or sent twice."""
    night.emulator.fault("delay", seconds=0.02)
    await night.ledger.add(range(100), DNA, TAG)
    async with night.running(concurrency=CONCURRENCY) as run:
        await night.arrived(1)  # a run that cannot start is another matter: it ends with 69
        while not run.done():
            await _end_backends(night)
            await asyncio.wait([run], timeout=0.15)
        summary = await run
    assert summary.exit_codes == ()
    await night.check(submitted=200)
    assert night.emulator.submits() == 100


async def test_a_begin_whose_answer_is_cut_off_is_given_back(night: Night) -> None:
    """The claim was committed and never heard of: surely not sent, so it goes back and out once."""
    await night.ledger.add(range(30))
    async with answer_lost(night.ledger.url, statement("begin")) as line:
        summary = await _at(night, line.url).submit(concurrency=2)
    assert line.cuts == 1
    await _all_sent_once(night, summary, 30)
    given_back = await night.ledger.sql.fetch("SELECT 1 FROM attempts WHERE outcome = 'not_sent'")
    assert given_back
    assert {row["attempts"] for row in await night.ledger.rows()} == {1}
    assert len(given_back) == sum(row["lease"] - 1 for row in await night.ledger.rows())


Trouble = Callable[[Proxy], None]
TROUBLES: dict[str, Trouble] = {
    "cut": Proxy.cut,
    "closed": Proxy.close,
    "stalled": Proxy.stall,
    "answers stalled": lambda proxy: proxy.stall(requests=False),
    "black hole": Proxy.black_hole,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_the_line_to_postgresql(
    night: Night, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """Cut, silent or swallowing: meanwhile nothing is begun, then every row has one job."""
    monkeypatch.setattr(store, "SILENCE_SECONDS", 1.0)  # instead of 20, to find silence sooner
    night.emulator.fault("delay", seconds=0.05)
    await night.ledger.add(range(40))
    async with _through(night) as (there, proxy), there.running(concurrency=4) as run:
        await night.arrived(8)
        trouble(proxy)
        await asyncio.wait([run], timeout=1.5)
        assert trouble is Proxy.cut or not run.done()
        proxy.cut()
        proxy.resume()
        summary = await run
    await _all_sent_once(night, summary, 40)
    assert State.SUBMITTING not in await night.ledger.states()
