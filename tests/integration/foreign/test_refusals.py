"""Whatever PostgreSQL refuses ends a run with a code, a sentence, and a row that says so."""

import asyncio
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from batch.errors import ConfigurationError, ExitCode, PermissionRefusedError, VodBatchError
from batch.ledger.database import Database
from batch.ledger.migrate import migrate, newest_version
from batch.settings import Settings
from tests.support.ledger import Ledger
from tests.support.line import line_to
from tests.support.night import Night

_REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused by a trigger' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER refuse BEFORE {what} FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""
BEGINS = "INSERT ON attempts"
_CLASSES = (
    "03 08 09 0A 0B 0F 0L 0P 0Z 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 "
    "53 54 55 57 58 72 F0 HV P0 XX ZZ"
)


@pytest.mark.parametrize(
    ("state", "code"),
    [("22P05", 78), ("23514", 78), ("P0001", 78), ("ZX042", 78), ("42501", 77), ("55P03", 69),
     ("53100", 69), ("XX000", 69), ("57014", 69)],
)  # fmt: skip
async def test_a_refused_statement_ends_the_run_and_its_row(
    night: Night, state: str, code: int
) -> None:
    """By class: no SQLSTATE is a traceback, and no run stays open."""
    await night.ledger.add(range(3))
    await night.ledger.sql.execute(_REFUSE.format(state=state, what=BEGINS))
    with pytest.raises(VodBatchError, match="refused by a trigger") as caught:
        await night.submit(database_patience=0.2, grace=1)
    assert caught.value.exit_code == code
    row = await night.ledger.sql.fetchrow("SELECT exit_code, stopped_by FROM runs")
    assert row["exit_code"] == code
    assert "refused by a trigger" in row["stopped_by"]
    assert night.emulator.submits() == 0


async def test_every_sqlstate_a_server_may_send(ledger: Ledger) -> None:
    """From a real server, through the driver, to a drawn error: all classes of its own list."""
    for state in (head + tail for head in _CLASSES.split() for tail in ("000", "P01", "501")):
        with pytest.raises(VodBatchError) as caught:
            async with ledger.database.transaction() as connection:
                await connection.execute(
                    f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
                )
        assert caught.value.exit_code in {69, 77, 78}, state
    assert await ledger.store.count_states()  # and the database serves on


async def test_a_lock_that_is_not_had_is_a_wait(night: Night) -> None:
    """``lock_timeout`` of the role: the run waits with patience and goes on."""
    night.emulator.fault("delay", seconds=0.05)
    await night.ledger.add(range(40))
    name = urlsplit(night.ledger.url).path[1:]
    await night.ledger.sql.execute(f"ALTER DATABASE {name} SET lock_timeout = '100ms'")
    async with night.running(concurrency=2) as run:
        await night.arrived(4)
        async with night.ledger.sql.transaction():
            await night.ledger.sql.execute("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
            await asyncio.wait([run], timeout=1.0)
            assert not run.done()
        await run
    await night.check(submitted=40)


def _server_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parse_qs(parts.query)["host"][0], parts.path


@pytest.mark.parametrize("form", ["encoded socket", "two sockets", "socket and port", "two hosts"])
async def test_a_migration_goes_where_a_command_goes(empty_database_url: str, form: str) -> None:
    """Whatever way of writing the driver takes, ``migrate`` takes too."""
    folder, path = _server_of(empty_database_url)
    socket = quote(folder, safe="")
    async with line_to(empty_database_url) as line:
        port = urlsplit(line.url).port
        url = {
            "encoded socket": f"postgresql://postgres@{socket}{path}",
            "two sockets": f"postgresql://postgres@%2Fnowhere,{socket}{path}",
            "socket and port": f"postgresql://postgres@{path}?host={folder}&port=5432",
            "two hosts": f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{port}{path}"
            "?sslmode=disable&connect_timeout=5&target_session_attrs=read-write",
        }[form]
        assert (await migrate(url))[-1].startswith(newest_version())
        database = await Database.open(Settings.model_validate({"database_url": url}))
        await database.close()


async def test_a_right_that_is_missing_for_a_migration(ledger: Ledger) -> None:
    """77, in any language of the server: the words of a failure are not what is read."""
    await ledger.sql.execute("CREATE ROLE lodger LOGIN")
    await ledger.sql.execute("CREATE DATABASE lodgings")
    try:
        url = ledger.url.replace(urlsplit(ledger.url).path, "/lodgings")
        with pytest.raises(PermissionRefusedError, match="lodger may not change the schema"):
            await migrate(url.replace("postgres:@", "lodger:@"))
    finally:
        await ledger.sql.execute("DROP DATABASE lodgings WITH (FORCE)")
        await ledger.sql.execute("DROP ROLE lodger")


@pytest.mark.parametrize("key", ["connect_timeout=5", "keepalives=1", "channel_binding=prefer"])
async def test_keys_of_libpq_are_no_settings_of_the_server(ledger: Ledger, key: str) -> None:
    """They were sent as startup parameters, which a server refuses."""
    settings = Settings.model_validate({"database_url": f"{ledger.url}&{key}"})
    database = await Database.open(settings)
    await database.close()


async def test_an_unknown_key_is_named(ledger: Ledger) -> None:
    """With the near miss."""
    settings = Settings.model_validate({"database_url": f"{ledger.url}&keepalive=1"})
    with pytest.raises(ConfigurationError, match="'keepalive'; did you mean keepalives") as caught:
        await Database.open(settings)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
