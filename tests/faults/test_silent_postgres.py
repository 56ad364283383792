"""PostgreSQL silent: no reset, no goodbye, every byte taken. Whoever waits for it ends in time."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from pydantic import SecretStr

from batch.errors import DatabaseUnavailableError, ExitCode
from batch.ledger import migrate
from batch.ledger.connecting import checkouts, connection
from batch.ledger.connecting.address import read_address
from batch.ledger.connecting.connection import one_connection
from batch.ledger.database import Database
from batch.ledger.loading import load_manifest
from batch.ledger.statements import statement
from batch.night.night_lock import lock_night
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.ledger import Ledger, media, write_csv
from tests.support.night import KEY, Night, interrupt
from tests.support.proxy import Proxy, proxy_to
from tests.support.settling import reconciled
from tests.support.stoppable import Stoppable
from tests.support.waiting import PATIENCE
from tests.support.whole_night import WholeNight

SOON = 20.0
"""Seconds that an end may take on a slow machine; what it is told from is minutes, or for ever."""


@asynccontextmanager
async def _timed(within: float) -> AsyncIterator[None]:
    since = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        yield
    assert time.monotonic() - since < within


@pytest.fixture
async def proxy(ledger: Ledger) -> AsyncIterator[Proxy]:
    """A line to the ledger's server that can fall silent."""
    async with proxy_to(ledger.url) as proxy:
        yield proxy


def _at(ledger: Ledger, proxy: Proxy, **more: object) -> Settings:
    url = SecretStr(f"{proxy.url}&connect_timeout=2")
    patience = {"database_patience": timedelta(0)}
    return ledger.settings.model_copy(update={"database_url": url} | patience | more)


async def test_a_statement_without_an_answer_is_given_up_and_so_is_its_line(
    ledger: Ledger, proxy: Proxy
) -> None:
    """Neither the driver's request to cancel nor a goodbye is waited for: they would hang too."""
    database = await Database.open(_at(ledger, proxy))
    await database.fetch("clock")
    proxy.black_hole()
    async with _timed(SOON):
        with pytest.raises(DatabaseUnavailableError, match="no answer in time"):
            await database.fetch("clock", timeout=0.3)
        await database.close()


async def test_a_host_that_is_silent_leaves_time_for_the_next(ledger: Ledger, proxy: Proxy) -> None:
    """Of two hosts the first takes every byte and answers nothing: the second serves."""
    async with proxy_to(ledger.url) as other:
        proxy.black_hole()
        both = other.url.replace("postgres@", f"postgres@127.0.0.1:{urlsplit(proxy.url).port},")
        async with one_connection(read_address(f"{both}&connect_timeout=1")) as there:
            assert await there.fetchval("SELECT true")
            assert there.place == ("127.0.0.1", urlsplit(other.url).port)


async def test_a_transaction_without_an_answer_ends(ledger: Ledger, proxy: Proxy) -> None:
    """Its roll-back is not waited for; a hurry ends waits that have begun."""
    database = await Database.open(_at(ledger, proxy))

    async def ask() -> None:
        async with database.transaction() as connection:
            proxy.black_hole()
            await connection.fetch("SELECT 1")

    async with _timed(SOON):
        asyncio.get_running_loop().call_later(0.3, database.hurry, 0)
        with pytest.raises(DatabaseUnavailableError):
            await ask()
        await database.close()


async def test_who_is_cancelled_waits_for_nothing(ledger: Ledger, proxy: Proxy) -> None:
    """A forced stop cancels: the wait behind it is over at once, and so is the closing."""
    database = await Database.open(_at(ledger, proxy))
    await database.fetch("clock")
    proxy.black_hole()
    waiting = asyncio.ensure_future(database.fetch("clock"))
    await asyncio.sleep(0.1)
    async with _timed(SOON):
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await database.close()


async def test_a_load_ends_when_there_is_no_sign_of_life(
    ledger: Ledger, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take its time, but not from a server that answers nobody."""
    monkeypatch.setattr(checkouts, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(connection, "ANSWER_OF_LIFE_SECONDS", 1.0)
    path = write_csv(tmp_path / "list.csv", [media(n) for n in range(100)])
    database = await Database.open(_at(ledger, proxy))
    await database.fetch("clock")

    async def silence(block: bytes) -> None:
        if b"COPY" in block:
            proxy.black_hole()

    proxy.gate = silence
    async with _timed(SOON):
        with pytest.raises(DatabaseUnavailableError):
            await load_manifest(database, ledger.store.target, str(path), ledger.settings)
        await database.close()
    assert await ledger.sql.fetchval("SELECT count(*) FROM submissions") == 0


async def test_a_load_may_take_its_time(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind another's lock, with a server that gives a sign of life, it is not cut off."""
    monkeypatch.setattr(checkouts, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    path = write_csv(tmp_path / "list.csv", [media(n) for n in range(10)])
    database = await Database.open(ledger.settings)
    await database.fetch("clock")
    async with ledger.sql.transaction():
        await ledger.sql.execute("LOCK TABLE submissions IN ACCESS EXCLUSIVE MODE")
        load = asyncio.ensure_future(
            load_manifest(database, ledger.store.target, str(path), ledger.settings)
        )
        await asyncio.wait([load], timeout=2.0)
        assert not load.done()
    assert (await load).counts
    await database.close()


async def test_a_migration_ends_with_a_silent_server(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbmate would wait for ever; it is ended."""
    monkeypatch.setattr(migrate, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(migrate, "_ANSWER_SECONDS", 0.5)
    async with proxy_to(empty_database_url) as proxy:

        async def silence(block: bytes) -> None:
            if b"CREATE TABLE targets" in block:
                proxy.black_hole()

        proxy.gate = silence
        async with _timed(SOON):
            with pytest.raises(DatabaseUnavailableError):
                await migrate.migrate(proxy.url)


async def test_the_kernel_watches_both_ends_of_a_line(ledger: Ledger, proxy: Proxy) -> None:
    """A machine that is gone says nothing, and what it holds must not stay held."""
    url = f"{proxy.url}&keepalives_idle=7&tcp_user_timeout=9000"
    async with one_connection(read_address(url)) as there:
        line = there.socket
        assert line is not None
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 9000
    database = await Database.open(ledger.settings)
    try:
        async with database.transaction() as connection:
            check = await connection.fetchval("SHOW client_connection_check_interval")
    finally:
        await database.close()
    assert check == "5s"


async def _reconcile(night: Night, settings: Settings, **more: Any) -> object:
    return await reconciled(settings, CredentialSource(lambda: KEY), once=False, **more)


@asynccontextmanager
async def _silent_in_the_middle(night: Night, **more: Any) -> AsyncIterator[Any]:
    """Reconcile jobs that never end, and lend the run once it waits for a silent PostgreSQL."""
    await night.ledger.add(range(3))
    await night.submit()
    async with proxy_to(night.ledger.url) as proxy:
        settings = night.chosen(
            {"database_url": SecretStr(f"{proxy.url}&connect_timeout=2"), "grace": 1}
        )
        run = asyncio.ensure_future(_reconcile(night, settings, **more))
        asked = asyncio.Event()

        async def silence(block: bytes) -> None:
            if b"polled_at" in block:
                proxy.black_hole()
                asked.set()

        proxy.gate = silence
        try:
            await asyncio.wait_for(asked.wait(), PATIENCE)
            yield run
        finally:
            run.cancel()
            await asyncio.wait([run])


async def test_reconcile_ends_at_its_deadline(night: Night) -> None:
    """Within the deadline and the grace: it ran on for a minute."""
    ends_at = datetime.now(UTC) + timedelta(seconds=4)
    async with _silent_in_the_middle(night, ends_at=ends_at) as run:
        with pytest.raises(DatabaseUnavailableError):
            await asyncio.wait_for(run, PATIENCE)
    late = (datetime.now(UTC) - ends_at).total_seconds()
    assert late < 1 + SOON


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_reconcile_at_once(night: Night, number: signal.Signals) -> None:
    """The first waits for the grace, which is an hour here; the second for nothing."""
    async with _silent_in_the_middle(night) as run, _timed(SOON):
        interrupt(number)
        await asyncio.sleep(0.1)
        assert not run.done()
        interrupt(number)
        with pytest.raises(DatabaseUnavailableError):
            await run


async def test_a_second_signal_ends_a_submit_at_once(night: Night) -> None:
    """However long it would have waited for PostgreSQL, and for an answer on the wire."""
    await night.ledger.add(range(40))
    night.emulator.fault("delay", seconds=0.05)
    async with proxy_to(night.ledger.url) as proxy:
        url = SecretStr(f"{proxy.url}&connect_timeout=2")
        async with night.running(concurrency=4, database_url=url, grace=3600) as run:
            await night.arrived(8)
            proxy.black_hole()
            await asyncio.sleep(0.5)
            async with _timed(SOON):
                interrupt()
                await asyncio.sleep(0.1)
                interrupt()
                with pytest.raises(DatabaseUnavailableError):
                    await run
    await night.submit()
    assert night.emulator.meter()["media_types_with_more_than_one_job"]["count"] == 0


def _as_sent(name: str) -> bytes:
    return statement(name).splitlines()[0].encode()


PHASES = {
    "loading": b"COPY",
    "looking": _as_sent("list_unchecked_media"),
    "beginning": _as_sent("begin"),
    "polling": _as_sent("list_open_jobs"),
    "writing down": b"UPDATE runs\n",
}
"""What is asked in each phase of a night, as it goes over the line."""


@asynccontextmanager
async def _silenced(
    night: Night, phase: str, fall_silent: Callable[[Proxy], None]
) -> AsyncIterator[tuple[WholeNight, asyncio.Event]]:
    """Lend a night with a list, on a line where PostgreSQL falls silent in ``phase``."""
    whole = WholeNight.on(night, canary=0, grace=2, max_duration=timedelta(seconds=6))
    async with proxy_to(night.ledger.url) as proxy:
        silent = asyncio.Event()

        async def listen(block: bytes) -> None:
            if PHASES[phase] in block and not silent.is_set():
                silent.set()
                fall_silent(proxy)

        proxy.gate = listen
        url = SecretStr(f"{proxy.url}&connect_timeout=2")
        whole.settings = whole.settings.model_copy(update={"database_url": url})
        whole.drop("list.csv", range(20))
        yield whole, silent


async def _ends_in_time(night: WholeNight, silent: asyncio.Event) -> UUID:
    since = time.monotonic()
    async with night.running() as run:
        spent = await asyncio.wait_for(run, PATIENCE)
    assert silent.is_set()
    assert spent.exit_code is ExitCode.UNAVAILABLE
    assert time.monotonic() - since < 6 + 2 + SOON
    return spent.run


async def _the_next_tells(night: Night, lost: UUID) -> None:
    """The row of a night that could not write how it ended is closed at the next start."""
    async with lock_night(night.ledger.settings) as held:
        rows = await night.ledger.sql.fetch("SELECT id, exit_code FROM runs")
    codes = {row["id"]: row["exit_code"] for row in rows}
    assert codes == {lost: ExitCode.UNAVAILABLE, held.session.run: None}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a server for a sign of life more often than a real night does."""
    monkeypatch.setattr(checkouts, "_LOOK_SECONDS", 0.5)
    monkeypatch.setattr(connection, "ANSWER_OF_LIFE_SECONDS", 2.0)


@pytest.mark.long
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("phase", PHASES)
async def test_a_night_ends_in_time_on_a_line_that_swallows(night: Night, phase: str) -> None:
    """Deadline and grace, whatever was asked when PostgreSQL fell silent."""
    async with _silenced(night, phase, Proxy.black_hole) as (whole, silent):
        lost = await _ends_in_time(whole, silent)
    await _the_next_tells(night, lost)


@pytest.mark.long
@pytest.mark.xdist_group("own_postgres")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("phase", PHASES)
async def test_a_night_ends_in_time_with_a_frozen_server(
    own_postgres: Stoppable, own_night: Night, phase: str
) -> None:
    """Its kernel takes every byte and acknowledges it; so a line's own watch sees nothing."""
    with own_postgres.may_freeze() as freeze:
        async with _silenced(own_night, phase, lambda _: freeze()) as (whole, silent):
            lost = await _ends_in_time(whole, silent)
    await _the_next_tells(own_night, lost)
