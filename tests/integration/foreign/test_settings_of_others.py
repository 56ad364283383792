"""A database that others have set up: what its settings make of a text is nothing to us."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from batch.core.states import State
from batch.errors import ConfigurationError
from batch.ledger.database import Database
from batch.ledger.migrate import migrate
from tests.support.ledger import DNA, TAG, Ledger, open_ledger
from tests.support.money import set_lengths
from tests.support.night import Night
from tests.support.postgres import ODD_SETTINGS

PRICES = {"AIMediaDNA": Decimal("0.05")}
USUAL = {"datestyle": "ISO, MDY", "timezone": "UTC", "intervalstyle": "postgres"}


async def _set(ledger: Ledger, **settings: str) -> None:
    """Set the database up, as its administrator does: for sessions that begin from now on."""
    name = urlsplit(ledger.url).path[1:]
    for setting, value in settings.items():
        await ledger.sql.execute(f"ALTER DATABASE {name} SET {setting} = {value}")


@pytest.mark.parametrize("then", ["'SQL, DMY'", "'German, YMD'", "'Postgres, MDY'"])
async def test_a_day_is_the_same_day_under_another_date_style(night: Night, then: str) -> None:
    """What the day has spent is not forgotten because dates are written another way."""
    await night.ledger.add(range(10))
    await set_lengths(night.ledger, dict.fromkeys(range(10), 10))
    limits: dict[str, Any] = {"budget_day": Decimal("2.5"), "prices": PRICES}
    await _set(night.ledger, **{name: f"'{value}'" for name, value in USUAL.items()})
    first = await night.submit(**limits)
    await _set(night.ledger, datestyle=then)
    second = await night.submit(**limits)
    assert [run.states.get(State.SUBMITTED, 0) for run in (first, second)] == [5, 0]
    assert night.emulator.submits() == 5


async def test_the_suites_server_is_set_up_oddly(ledger: Ledger) -> None:
    """Every test on it says that a statement does not mind."""
    for name, value in ODD_SETTINGS.items():
        assert await ledger.sql.fetchval(f"SHOW {name}") == value


async def test_a_ledger_elsewhere_is_no_second_one(night: Night) -> None:
    """A search_path that finds other tables, or none, leads to the same ledger all the same."""
    await night.ledger.add(range(4), DNA, TAG)
    await night.ledger.sql.execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.submissions ()")
    await _set(night.ledger, search_path="elsewhere, public")
    await night.submit()
    await night.check(submitted=8)
    await _set(night.ledger, search_path="elsewhere")
    assert await migrate(night.ledger.url) == []
    async with open_ledger(night.ledger.url) as again:
        assert (await again.store.count_states())[State.SUBMITTED] == 8
    assert await night.ledger.sql.fetchval("SELECT to_regclass('elsewhere.targets')") is None


async def test_an_empty_database_is_migrated_into_public(empty_database_url: str) -> None:
    """Wherever the role's path leads, the ledger is where everybody looks for it."""
    connection = await asyncpg.connect(empty_database_url)
    try:
        name = urlsplit(empty_database_url).path[1:]
        await connection.execute("CREATE SCHEMA elsewhere")
        await connection.execute(f"ALTER DATABASE {name} SET search_path = elsewhere")
        assert await migrate(empty_database_url)
        found = await connection.fetch(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('runs', 'submissions')"
        )
        assert [row["schemaname"] for row in found] == ["public"]
    finally:
        await connection.close()


async def test_a_trigger_finds_its_tables_from_anywhere(ledger: Ledger) -> None:
    """An operator's psql may look elsewhere first; so does a restore, which looks nowhere."""
    (row,) = await ledger.add(range(1))
    await ledger.sql.execute("SET search_path = ''")
    await ledger.sql.execute(
        "UPDATE public.submissions SET state = 'cancelled', actor = 'hand', reason = 'by hand', "
        "finished_at = now() WHERE id = $1",
        row,
    )
    told = "SELECT to_state FROM public.submission_history WHERE submission_id = $1"
    assert await ledger.sql.fetchval(told, row) == "cancelled"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_another_encoding_is_refused_at_once(ledger: Ledger, encoding: str) -> None:
    """A refusal in Chinese could not be written down: it would end a run in its middle."""
    name = f"odd_{encoding.lower()}"
    await ledger.sql.execute(
        f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' "
        "TEMPLATE template0"
    )
    try:
        url = ledger.url.replace(urlsplit(ledger.url).path, f"/{name}")
        settings = ledger.settings.model_validate({"database_url": url})
        with pytest.raises(ConfigurationError, match=f"encoding is {encoding}.*UTF8"):
            await Database.open(settings)
        with pytest.raises(ConfigurationError, match="UTF8"):
            await migrate(url)
    finally:
        await ledger.sql.execute(f"DROP DATABASE {name} WITH (FORCE)")
