"""PgBouncer between us and PostgreSQL: declared, not declared, in session and transaction mode."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from batch.errors import ConfigurationError, LockHeldError
from batch.ledger.database import Database
from batch.ledger.migrate import migrate
from batch.night.night_lock import lock_night
from batch.settings import Settings
from tests.support.ledger import DNA, TAG
from tests.support.night import Night
from tests.support.pooler import Pooler, needs_pgbouncer, pooler_to

pytestmark = needs_pgbouncer


@pytest.fixture
def by_session(database_url: str) -> Iterator[Pooler]:
    """One that gives each session a backend of its own."""
    with pooler_to(database_url, "session") as pooler:
        yield pooler


@pytest.fixture
def by_transaction(database_url: str) -> Iterator[Pooler]:
    """One that gives each transaction whatever backend is free."""
    with pooler_to(database_url, "transaction") as pooler:
        yield pooler


def _through(night: Night, pooler: Pooler, *, direct: bool = False, **more: object) -> Settings:
    urls: dict[str, object] = {"database_url": SecretStr(pooler.url)}
    if direct:
        urls["database_direct_url"] = SecretStr(night.ledger.url)
    return night.ledger.settings.model_copy(update=urls | more)


async def test_in_session_mode_nothing_need_be_set(night: Night, by_session: Pooler) -> None:
    """Run, night's lock and migration: all as without it."""
    await night.ledger.add(range(20), DNA, TAG)
    settings = _through(night, by_session)
    await night.submit(database_url=settings.database_url)
    await night.check(submitted=40)
    async with lock_night(settings):
        with pytest.raises(LockHeldError):
            async with lock_night(settings):
                pass
    async with lock_night(settings):
        pass  # the lock went with the session that held it
    assert await migrate(by_session.url) == []


async def test_a_pooler_of_transactions_is_noticed(night: Night, by_transaction: Pooler) -> None:
    """Undeclared it would give one session's settings to others: one line says what to set."""
    with pytest.raises(ConfigurationError) as caught:
        await Database.open(_through(night, by_transaction))
    assert "VOD_BATCH_DATABASE_POOLED=true" in str(caught.value)
    assert "VOD_BATCH_DATABASE_DIRECT_URL" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_it_is_noticed_beside_others_who_use_it(night: Night, by_transaction: Pooler) -> None:
    """Whichever backends happen to be free."""
    pooled = await Database.open(_through(night, by_transaction, database_pooled=True))
    try:
        async with pooled.transaction(), pooled.transaction():
            for _ in range(5):
                with pytest.raises(ConfigurationError, match="transaction mode"):
                    await Database.open(_through(night, by_transaction))
    finally:
        await pooled.close()


async def test_declared_with_a_direct_way_all_goes(night: Night, by_transaction: Pooler) -> None:
    """A run through the pooler, the lock around it."""
    await night.ledger.add(range(20), DNA, TAG)
    settings = _through(night, by_transaction, direct=True, database_pooled=True)
    async with lock_night(settings):
        with pytest.raises(LockHeldError, match="runs since"):
            async with lock_night(settings):
                pass
        await night.submit(database_url=settings.database_url, database_pooled=True)
    await night.check(submitted=40)
    async with lock_night(settings):
        pass


async def test_no_lock_is_left_behind_in_a_pooler(night: Night, by_transaction: Pooler) -> None:
    """Without a direct way the lock stayed with the pooler, and every later night ended with 75."""
    settings = _through(night, by_transaction, database_pooled=True)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="VOD_BATCH_DATABASE_DIRECT_URL"):
            async with lock_night(settings):
                pass
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    assert await night.ledger.sql.fetchval(held) == 0
    with pytest.raises(ConfigurationError, match="VOD_BATCH_DATABASE_DIRECT_URL"):
        await migrate(by_transaction.url)
    async with lock_night(night.ledger.settings):
        pass
