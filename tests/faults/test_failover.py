"""The database changes hands under a living worker: nothing is paid twice, nothing stays silent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from batch.core.models import JobType, Worker
from batch.core.states import State
from batch.errors import ConfigurationError, ExitCode, FailedOverError
from batch.ledger.database import Database
from batch.ledger.failover import CatchUp
from batch.ledger.lineage import ClusterCheck, check_place, remember
from batch.ledger.memory import remembered
from batch.settings import Settings
from batch.submit.tally import RunSummary
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, UNPRICED, Ledger, open_ledger
from tests.support.night import Night
from tests.support.proxy import Proxy, proxy_to
from tests.support.stock import Pair, needs_stock, stock_pair, stock_server
from tests.support.waiting import soon


async def test_a_row_that_its_worker_does_not_know_ends_in_doubt(night: Night) -> None:
    """Held by a living worker that never heard of it, a row would keep every run from its end."""
    night.emulator.fault("delay", seconds=0.2)
    await night.ledger.add(range(8))
    [unknown] = await night.ledger.add([99])
    await night.ledger.sql.execute("UPDATE submissions SET hold_id = 0 WHERE id = $1", unknown)
    async with night.running(concurrency=2) as run:
        await night.arrived(1)
        worker = await night.ledger.sql.fetchval("SELECT id FROM workers")
        await night.ledger.move(unknown, State.SUBMITTING, worker)
        summary = await run
    assert await night.ledger.state(unknown) is State.IN_DOUBT
    assert ExitCode.DONE_WITH_DOUBTS in summary.exit_codes
    assert summary.left_in_doubt == 1
    assert night.emulator.submits() == 8


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary and its standby."""
    with stock_pair() as pair:
        yield pair


@dataclass
class House:
    """A night whose database is a pair of servers behind one address."""

    pair: Pair
    line: Proxy
    night: Night

    async def caught_up(self) -> None:
        """Wait until the standby has everything so far."""

        async def look() -> bool:
            return await asyncio.to_thread(self.pair.has_caught_up)

        await soon(look, "the standby")

    async def lose_requests(self, count: int) -> None:
        """Let the standby miss everything from now until so many more requests have arrived."""
        await asyncio.to_thread(self.pair.lose_what_comes)
        await self.night.arrived(self.night.emulator.submits() + count)

    async def fail_over(self) -> None:
        """Let the standby take over: connections break, the address leads to it."""
        await asyncio.to_thread(self.pair.fail_over)
        self.line.lead_to(self.after)
        self.line.cut()

    @property
    def after(self) -> str:
        """The URL of the database on the server that took over."""
        name = self.night.ledger.url.split("?")[0].rpartition("/")[2]
        return self.pair.standby.server.url(name)

    async def check(self, **states: int) -> None:
        """Assert where the submissions stand now, and that none was paid twice (:class:`Night`)."""
        async with open_ledger(self.after) as ledger:
            await replace(self.night, ledger=ledger).check(**states)


@asynccontextmanager
async def _house(pair: Pair, emulator: Emulator, home: Path) -> AsyncIterator[House]:
    with pair.primary.server.database(keep=True) as url:
        async with open_ledger(url) as ledger, proxy_to(url) as line:
            settings = ledger.settings.model_copy(update={"database_url": SecretStr(line.url)})
            night = Night(replace(ledger, settings=settings), emulator, home)
            yield House(pair, line, night)


@needs_stock
@pytest.mark.parametrize(
    ("types", "pooled"),
    [((DNA,), False), ((DNA, TAG), False), ((DNA,), True)],
    ids=["one type", "two types", "pooled"],
)
async def test_a_standby_that_lost_the_last_second_takes_over(
    pair: Pair, emulator: Emulator, tmp_path: Path, types: tuple[JobType, ...], pooled: bool
) -> None:
    """What the lost second held comes back from the journal before anything is begun again."""
    emulator.fault("delay", seconds=0.1)
    async with _house(pair, emulator, tmp_path) as house:
        await house.night.ledger.add(range(60), *types)
        await house.caught_up()
        async with house.night.running(concurrency=4, database_pooled=pooled) as run:
            await house.night.arrived(10)
            await house.lose_requests(15)
            await house.fail_over()
            summary = await run
        assert summary.exit_codes == ()
        await house.check(submitted=60 * len(types))
        assert emulator.submits() == 60
        assert summary.failovers == 1
        assert summary.restored >= 15 * len(types)


@needs_stock
async def test_a_crash_of_a_server_that_forgets_commits(emulator: Emulator, tmp_path: Path) -> None:
    """``synchronous_commit=off`` and a killed server: a run insists, so nothing is lost."""
    emulator.fault("delay", seconds=0.1)
    with stock_server() as stock:
        stock.set(synchronous_commit="off", wal_writer_delay="10s")
        with stock.server.database(keep=True) as url:
            async with open_ledger(url) as ledger:
                night = Night(ledger, emulator, tmp_path)
                await ledger.add(range(40))
                async with night.running(concurrency=4) as run:
                    await night.arrived(15)
                    await asyncio.to_thread(stock.kill)
                    await asyncio.to_thread(stock.start)
                    summary = await run
            async with open_ledger(url) as ledger:
                await replace(night, ledger=ledger).check(submitted=40)
    assert summary.exit_codes == ()
    assert (summary.failovers, emulator.submits()) == (1, 40)


@needs_stock
@pytest.mark.parametrize("speaks", [True, False], ids=["speaks again", "stays silent"])
async def test_a_worker_of_another_machine_is_waited_for_after_a_failover(
    pair: Pair, emulator: Emulator, tmp_path: Path, speaks: bool
) -> None:
    """What it sent in the lost second only its own journal knows: no row of it is begun before."""
    emulator.fault("delay", seconds=0.1)
    async with _house(pair, emulator, tmp_path) as house:
        await house.night.ledger.add(range(60))
        other = Worker(await house.night.ledger.worker(), "testhost", 1)
        async with house.night.running(concurrency=4, heartbeat_timeout=30) as run:
            await house.night.arrived(10)
            await house.night.ledger.store.beat(other)
            await house.caught_up()
            await house.lose_requests(1)
            await house.fail_over()
            if speaks:
                await _beat_until(run, house, other)
                assert (await run).exit_codes == ()
                await house.check(submitted=60)
                return
            with pytest.raises(ConfigurationError, match="--accept failover"):
                await run
        sent = emulator.submits()
        later = replace(house.night, ledger=replace(house.night.ledger, settings=_at(house)))
        with pytest.raises(ConfigurationError, match="--accept failover"):
            await later.submit()
        assert emulator.submits() == sent < 60


@needs_stock
async def test_who_knows_its_server_ends_at_one_that_may_lack_something(
    pair: Pair, emulator: Emulator, tmp_path: Path
) -> None:
    """What it has in hand may be another row's there; only a worker knows how to go on."""
    async with _house(pair, emulator, tmp_path) as house:
        database = await Database.open(house.night.ledger.settings)
        try:
            await database.server.know()
            await house.caught_up()
            await house.fail_over()
            for _ in range(2):
                with pytest.raises(FailedOverError, match="start the command again"):
                    await database.fetch("clock")
        finally:
            await database.close()


async def test_a_heartbeat_under_a_failover_does_not_hide_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    """It was under way when the server changed, and asks the new one: that one is still new."""
    database, store = ledger.database, ledger.store
    worker, other = [Worker(uuid4(), host, 1) for host in ("here", "elsewhere")]
    catch_up = CatchUp(database, store, worker, tmp_path, UNPRICED, silence=1)
    await catch_up.remember()
    with remembered(tmp_path) as memory:  # as a primary leaves it that then was away
        [(system, place)] = memory.places.items()
        memory.places[system] = before = replace(place, timeline=place.timeline - 1)
    await store.beat(other)
    taking_up = asyncio.create_task(catch_up([]))
    await asyncio.sleep(0)
    await catch_up.remember()
    with remembered(tmp_path) as memory:
        assert memory.places[system] == before
    with pytest.raises(ConfigurationError, match="elsewhere"):
        await taking_up


class _Overtaken(Database):
    """A line on which the answer to "where do you stand" comes after others wrote, and looked."""

    def __init__(self, inner: Database, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._meanwhile = meanwhile

    async def fetch_row(self, name: str, *arguments: Any, **how: Any) -> asyncpg.Record | None:
        row = await self._inner.fetch_row(name, *arguments, **how)
        await self._meanwhile()
        return row


async def test_a_process_beside_us_that_sees_the_log_further_on_is_no_alarm(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Two starts at once: the one remembers what is newer than what the other is being told."""
    database, target = ledger.database, ledger.store.target

    async def write_and_remember() -> None:
        await ledger.store.beat(Worker(uuid4(), "here", 1))
        await remember(database, target, tmp_path)

    await write_and_remember()
    standing = await check_place(_Overtaken(database, write_and_remember), tmp_path)
    assert standing == ClusterCheck()


async def _beat_until(run: asyncio.Task[RunSummary], house: House, other: Worker) -> None:
    async with open_ledger(house.after) as after:
        while not run.done():
            await after.store.beat(other)
            await asyncio.wait([run], timeout=0.5)


def _at(house: House) -> Settings:
    url = SecretStr(house.after)
    return house.night.ledger.settings.model_copy(update={"database_url": url})
