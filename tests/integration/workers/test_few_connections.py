"""A role, or a server, that gives few connections: two are enough for a whole night."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from batch.errors import DatabaseUnavailableError
from batch.ledger.database import Database
from batch.night.night_lock import lock_night
from batch.settings import Settings
from tests.support.cloud import Emulator
from tests.support.console import KEY, Console
from tests.support.ledger import media
from tests.support.postgres import Server
from tests.support.shift import Shift

FEW = "few_connections"


@contextmanager
def limited(postgres: Server, url: str, limit: str) -> Iterator[str]:
    """Return the URL of a role that may have two connections, by its or the database's limit."""
    name = urlsplit(url).path[1:]
    of_role = 2 if limit == "role" else -1
    postgres.psql(f"CREATE ROLE {FEW} LOGIN CONNECTION LIMIT {of_role}")
    try:
        if limit == "database":
            postgres.psql(f"ALTER DATABASE {name} CONNECTION LIMIT 2")
        yield url.replace("//postgres:@", f"//{FEW}:@")
    finally:
        postgres.psql(f"REVOKE ALL ON DATABASE {name} FROM {FEW}")
        postgres.psql(f"DROP OWNED BY {FEW}", name)
        postgres.psql(f"DROP ROLE {FEW}")


@pytest.fixture(params=["role", "database"])
async def few_url(
    request: pytest.FixtureRequest, postgres: Server, database_url: str
) -> AsyncIterator[str]:
    """The URL of a ledger that lets us in twice, and no more."""
    name = urlsplit(database_url).path[1:]
    with limited(postgres, database_url, request.param) as url:
        postgres.psql(
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {FEW};"
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {FEW};"
            f"GRANT TEMPORARY ON DATABASE {name} TO {FEW}",
            name,
        )
        yield url


def _settings(url: str) -> Settings:
    return Settings.model_validate({"database_url": url})


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(_settings(url))
    try:
        yield database
    finally:
        await database.close()


def test_a_night_and_its_looks_need_two(
    few_url: str, start_emulator: Callable[[str], Emulator], tmp_path: Path
) -> None:
    """Lists, lock, canaries, budgets, settling beside the sends, the report; then the commands."""
    (home := tmp_path / "home").mkdir()
    (inbox := tmp_path / "inbox").mkdir()
    emulator = start_emulator("")
    base = {
        "VOD_BATCH_DATABASE_URL": few_url, "VOD_BATCH_ENDPOINT": emulator.url,
        "VOD_BATCH_QPS": "1000", "VOD_BATCH_POLL_QPS": "1000", "VOD_BATCH_PREFLIGHT_QPS": "1000",
        "VOD_BATCH_LOOKUP_QPS": "1000", "VOD_BATCH_SETTLE_EVERY": "1s", "VOD_BATCH_CANARY": "5",
        "VOD_BATCH_BUDGET": "1000",
    }  # fmt: skip
    (home / "vod-batch.toml").write_text('prices = { AIMediaDNA = "0.05" }\n')
    shift = Shift(Console(home, base | KEY), emulator, inbox)
    for name in range(2):
        shift.drop(f"{name}.csv", range(100 * name, 100 * name + 40))
    facts = shift.facts()
    assert facts["exit_code"] == 0
    assert shift.states() == {"succeeded": 80}
    assert len(shift.rows()) == 80
    story = json.loads(shift.console.run("why", media(1), "--json").stdout)
    assert story["submissions"][0]["state"] == "succeeded"
    shift.console.run("plan")
    shift.console.run("doctor")


async def test_statements_at_once_take_turns(few_url: str) -> None:
    """Twenty at once over the one connection that is left, and none is refused."""
    async with lock_night(_settings(few_url)) as held:
        done = await asyncio.gather(*(held.session.database.fetch_row("clock") for _ in range(20)))
    assert len(done) == 20


async def test_an_idle_connection_is_given_up_for_another_part(few_url: str) -> None:
    """Three parts of a program, each with a line of its own, where two may be open."""
    async with AsyncExitStack() as stack:
        parts = [await stack.enter_async_context(opened(few_url)) for _ in range(3)]
        for _ in range(2):
            for part in parts:
                assert await part.fetch_row("clock")


async def test_what_a_full_server_had_not_is_taken_later(few_url: str) -> None:
    """Others have both: a part waits for a while, and goes on once one of them leaves."""
    others = [await asyncpg.connect(few_url) for _ in range(2)]
    waiting = asyncio.create_task(_open_and_ask(few_url))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await others[0].close()
    assert await waiting
    await others[1].close()


async def test_a_server_that_stays_full_is_told_as_such(
    few_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what an administrator can do; not as one that is away."""
    monkeypatch.setattr("batch.ledger.connecting.pool.FULL_SECONDS", 0.2)
    others = [await asyncpg.connect(few_url) for _ in range(2)]
    with pytest.raises(DatabaseUnavailableError, match=r"no connection is left .*CONNECTION LIMIT"):
        await _open_and_ask(few_url)
    for other in others:
        await other.close()


async def _open_and_ask(url: str) -> bool:
    async with opened(url) as database:
        return await database.fetch_row("clock") is not None
