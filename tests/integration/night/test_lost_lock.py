"""The night's lock may be lost before its night ends: that is noticed before the next paid call."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from batch.errors import DatabaseUnavailableError, ExitCode, LockHeldError
from batch.ledger import target_lock
from batch.ledger.target_lock import TargetLock
from batch.night.night_lock import lock_night
from tests.support.ledger import Ledger
from tests.support.money import set_lengths
from tests.support.night import Night
from tests.support.proxy import proxy_to
from tests.support.waiting import PATIENCE, soon
from tests.support.whole_night import WholeNight

_CLASS = target_lock._LOCK_CLASS


def _lock_of(ledger: Ledger, patience: float = 60.0) -> TargetLock:
    return TargetLock(ledger.database, ledger.store.target, uuid4(), patience=patience)


async def _end_its_session(ledger: Ledger) -> None:
    """Do what an administrator does, or a server to what idles."""
    ended = await ledger.sql.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = $1::oid",
        _CLASS,
    )
    assert ended == 1


async def _holder(ledger: Ledger) -> int | None:
    """Return the process of the session that has the lock."""
    pid: int | None = await ledger.sql.fetchval(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    )
    return pid


async def test_a_lock_whose_session_was_ended_is_taken_again(ledger: Ledger) -> None:
    """Whoever asks waits until it is; a second night finds it held."""
    lock = _lock_of(ledger)
    async with lock.held():
        for _ in range(3):
            before = await _holder(ledger)
            await _end_its_session(ledger)

            async def is_had_again(before: int | None = before) -> bool:
                return await _holder(ledger) not in (None, before)

            await soon(is_had_again, "the lock")
            await lock.insist()
            with pytest.raises(LockHeldError):
                async with _lock_of(ledger).held():
                    pass


async def test_a_lock_that_another_night_took_meanwhile_is_lost(
    ledger: Ledger, database_url: str
) -> None:
    """The one that waits for the moment gets it; who held it may begin nothing more."""
    lock = _lock_of(ledger)
    rival = await asyncpg.connect(database_url)
    try:
        async with lock.held():
            waiting = asyncio.ensure_future(
                rival.execute(f"SELECT pg_advisory_lock({_CLASS}, {ledger.store.target.id})")
            )
            await soon(lambda: _waits(ledger), "the rival")
            await _end_its_session(ledger)
            await waiting
            with pytest.raises(LockHeldError):
                await asyncio.wait_for(_insist_until_told(lock), PATIENCE)
    finally:
        await rival.close()


async def _insist_until_told(lock: TargetLock) -> None:
    while True:
        await lock.insist()
        await asyncio.sleep(0.01)


async def _waits(ledger: Ledger) -> bool:
    return bool(await ledger.sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_a_server_that_ends_what_idles_does_not_end_the_lock(ledger: Ledger) -> None:
    """``idle_session_timeout`` is for sessions that nobody needs."""
    name = urlsplit(ledger.url).path[1:]
    await ledger.sql.execute(f"ALTER DATABASE {name} SET idle_session_timeout = '300ms'")
    lock = _lock_of(ledger)
    async with lock.held():
        before = await _holder(ledger)
        await asyncio.sleep(1.0)  # more than the time-out, which is what is tested
        assert await _holder(ledger) == before


async def test_a_line_that_falls_silent_is_noticed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No goodbye comes, as in a failover: the lock is asked for, and not had for ever."""
    monkeypatch.setattr(target_lock, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(target_lock, "_ANSWER_SECONDS", 0.3)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_to(ledger.url))
        settings = ledger.settings.model_validate(
            {"database_url": f"{proxy.url}&connect_timeout=1", "database_patience": "1s"}
        )
        held = await stack.enter_async_context(lock_night(settings))
        await held.lock.insist()
        proxy.black_hole()
        with pytest.raises(DatabaseUnavailableError):
            await asyncio.wait_for(_insist_until_told(held.lock), PATIENCE)


async def test_a_night_without_its_lock_sends_nothing_more(night: Night) -> None:
    """A second night waits for the moment; together they spend what one of them may."""
    prices: dict[str, Any] = {"prices": {"AIMediaDNA": Decimal("0.05")}, "budget": Decimal(5)}
    await night.ledger.add(range(40))
    await set_lengths(night.ledger, dict.fromkeys(range(40), 10))
    whole = WholeNight.on(night, concurrency=1, canary=0, preflight=False, **prices)
    night.emulator.fault("delay", seconds=0.05)
    rival = await asyncpg.connect(night.ledger.url)
    try:
        async with whole.running() as run:
            await night.arrived(3)
            waiting = asyncio.ensure_future(
                rival.execute(f"SELECT pg_advisory_lock({_CLASS}, {night.ledger.store.target.id})")
            )
            await soon(lambda: _waits(night.ledger), "the rival")
            await _end_its_session(night.ledger)
            await waiting
            sent = night.emulator.submits()
            spent = await run
    finally:
        await rival.close()
    assert spent.exit_code is ExitCode.LOCK_HELD
    assert night.emulator.submits() <= sent + 1  # one may have been on its way
    assert sent < 10  # what the budget would have paid for
    row = await night.ledger.sql.fetchrow("SELECT exit_code FROM runs WHERE kind = 'nightly'")
    assert row["exit_code"] == ExitCode.LOCK_HELD


async def test_a_night_goes_on_when_it_has_its_lock_again(night: Night) -> None:
    """Nobody else wanted it: the night is whole."""
    await night.ledger.add(range(30))
    whole = WholeNight.on(night, concurrency=2, canary=0, preflight=False)
    night.emulator.fault("delay", seconds=0.05)
    async with whole.running() as run:
        await night.arrived(4)
        await _end_its_session(night.ledger)
        spent = await run
    assert spent.exit_code in {ExitCode.DONE, ExitCode.CARRIED_OVER}
    assert night.emulator.submits() == 30


async def test_a_night_that_was_killed_is_closed_by_the_next(night: Night) -> None:
    """Its row says when it was last heard of; one that lives is left alone."""
    sql, target = night.ledger.sql, night.ledger.store.target.id
    make = (
        "INSERT INTO runs (id, target_id, kind, started_at, host, pid, settings) "
        "VALUES ($1, $2, $3, now() - interval '1 hour', 'there', $4, '{}')"
    )
    lost_night, lost_submit, living = uuid4(), uuid4(), uuid4()
    await sql.execute(make, lost_night, target, "nightly", 1)
    await sql.execute(make, lost_submit, target, "submit", 2)
    await sql.execute(make, living, target, "submit", 3)
    await sql.execute(
        "INSERT INTO workers (id, target_id, host, pid, heartbeat_at) VALUES "
        "($1, $3, 'there', 2, now() - interval '20 minutes'), ($2, $3, 'there', 3, now())",
        uuid4(), uuid4(), target,
    )  # fmt: skip
    async with lock_night(night.ledger.settings) as held:
        rows = {r["id"]: r for r in await sql.fetch("SELECT *, now() - ended_at AS ago FROM runs")}
    assert [rows[one]["exit_code"] for one in (lost_night, lost_submit)] == [69, 69]
    assert 1190 < rows[lost_submit]["ago"].total_seconds() < 1300
    assert rows[living]["ended_at"] is rows[held.session.run]["ended_at"] is None
