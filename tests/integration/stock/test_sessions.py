"""A session of ours on a server that is set up by others: lean, and never less than durable."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest

from batch.doctor.ledger import check_ledger
from batch.ledger.database import Database
from batch.ledger.statements import statement
from batch.settings import Settings
from tests.support.ledger import UNPRICED_ARGUMENTS, Ledger, open_ledger, utc_now
from tests.support.stock import Stock, needs_stock
from tests.support.waiting import soon

pytestmark = needs_stock

DIRECT_AND_POOLED = pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])


@pytest.fixture
async def stock_ledger(stock_postgres: Stock) -> AsyncIterator[Ledger]:
    """A ledger on a server as Debian ships it, which finds every statement worth compiling."""
    with stock_postgres.server.database() as url:
        name = urlsplit(url).path[1:]
        stock_postgres.server.psql(f"ALTER DATABASE {name} SET jit_above_cost = 0")
        async with open_ledger(url) as ledger:
            yield ledger


async def _opened(ledger: Ledger, *, pooled: bool) -> Database:
    settings = Settings.model_validate({"database_url": ledger.url, "database_pooled": pooled})
    return (await Database.open(settings)).part(plans_once=True)


def _hot(ledger: Ledger) -> dict[str, tuple[object, ...]]:
    """Return what a worker sends all night, with arguments."""
    target = ledger.store.target.id
    worker = "00000000-0000-0000-0000-000000000001"
    begin = (target, 1, worker, ["0" * 32], utc_now(), None, 10, *UNPRICED_ARGUMENTS)
    verdict = ([1], [1], ["throttled"], [400], ["T"], [""], [""], [None], [""], ["pending"], [0.0],
               [1], [True])  # fmt: skip
    return {
        "begin": begin,
        "record": (*verdict, "test"),
        "outlook": (target, None),
        "take_slots": (target, 1, 0.01, None, 0.0),
    }


@DIRECT_AND_POOLED
async def test_no_statement_of_a_worker_is_compiled(stock_ledger: Ledger, pooled: bool) -> None:
    """Compiling a statement of a millisecond takes half a second; a stock server does it."""
    await stock_ledger.add(range(20))
    database = await _opened(stock_ledger, pooled=pooled)
    try:
        for name, arguments in _hot(stock_ledger).items():
            explain = f"EXPLAIN (ANALYZE) {statement(name)}"
            plain = await stock_ledger.sql.fetch(explain, *arguments)
            assert "JIT:" in _text(plain), "a session of somebody else compiles it"
            async with database.transaction() as connection:
                assert "JIT:" not in _text(await connection.fetch(explain, *arguments)), name
    finally:
        await database.close()


def _text(rows: list[asyncpg.Record]) -> str:
    return "\n".join(row[0] for row in rows)


async def test_no_function_of_ours_is_compiled(stock_ledger: Ledger) -> None:
    """A trigger fires in sessions of others too: an operator's psql, a load through a pooler."""
    rows = await stock_ledger.sql.fetch(
        "SELECT proname, proconfig FROM pg_proc JOIN pg_language l ON l.oid = prolang "
        "WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'"
    )
    assert rows
    assert [row["proname"] for row in rows if "jit=off" not in (row["proconfig"] or [])] == []


@DIRECT_AND_POOLED
@pytest.mark.parametrize(
    ("set_up", "ours"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"),
     ("remote_apply", "remote_apply")],
)  # fmt: skip
async def test_a_commit_is_durable_whatever_the_server_says(
    stock_ledger: Ledger, set_up: str, ours: str, pooled: bool
) -> None:
    """``synchronous_commit`` is raised to ``on`` and never lowered."""
    name = await stock_ledger.sql.fetchval("SELECT current_database()")
    await stock_ledger.sql.execute(f"ALTER DATABASE {name} SET synchronous_commit = {set_up}")
    database = await _opened(stock_ledger, pooled=pooled)
    try:
        assert await _synchronous(database) == ours
    finally:
        await database.close()


@DIRECT_AND_POOLED
async def test_a_server_that_becomes_careless_does_not_take_a_session_along(
    stock_ledger: Ledger, stock_postgres: Stock, pooled: bool
) -> None:
    """A reload in the middle of the night changes what a session only inherited."""

    async def is_careless() -> bool:
        return bool(await stock_ledger.sql.fetchval("SHOW synchronous_commit") == "off")

    database = await _opened(stock_ledger, pooled=pooled)
    try:
        assert await _synchronous(database) == "on"
        stock_postgres.set(synchronous_commit="off")
        await soon(is_careless, "the reload")
        assert await _synchronous(database) == "on"
    finally:
        stock_postgres.set(synchronous_commit="on")
        await database.close()


@DIRECT_AND_POOLED
@pytest.mark.parametrize(
    ("set_up", "ours"), [("0", "20s"), ("10min", "20s"), ("20001", "20s"), ("5s", "5s")]
)
async def test_a_session_that_stops_in_a_transaction_is_ended(
    stock_ledger: Ledger, set_up: str, ours: str, pooled: bool
) -> None:
    """Others wait for its locks; a time that an administrator set shorter stays."""
    name = await stock_ledger.sql.fetchval("SELECT current_database()")
    setting = "idle_in_transaction_session_timeout"
    await stock_ledger.sql.execute(f"ALTER DATABASE {name} SET {setting} = '{set_up}'")
    database = await _opened(stock_ledger, pooled=pooled)
    try:
        async with database.transaction() as connection:
            assert await connection.fetchval(f"SHOW {setting}") == ours
    finally:
        await database.close()


async def _synchronous(database: Database) -> str:
    async with database.transaction() as connection:
        return str(await connection.fetchval("SHOW synchronous_commit"))


@pytest.mark.parametrize(("set_up", "verdict"), [("off", "warning"), ("on", "ok")])
async def test_doctor_reports_a_server_that_forgets_commits(
    stock_ledger: Ledger, set_up: str, verdict: str
) -> None:
    """Our own sessions insist on durable commits; what others write there may still be lost."""
    name = await stock_ledger.sql.fetchval("SELECT current_database()")
    await stock_ledger.sql.execute(f"ALTER DATABASE {name} SET synchronous_commit = {set_up}")
    now = lambda: datetime.now(UTC)  # noqa: E731
    checks = [c async for c in check_ledger(stock_ledger.settings, now, refuses_nonces=None)]
    [told] = [check for check in checks if check.name == "database commits"]
    assert told.grade == verdict
    assert set_up in told.detail
