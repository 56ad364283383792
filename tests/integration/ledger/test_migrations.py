"""The schema: applied, applied again, taken down, compared with the program."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.migrate import migrate, migrations_folder, newest_version
from tests.support.console import Console
from tests.support.ledger import open_ledger, write_csv
from tests.support.postgres import MAJORS, Server, run_dbmate, running_server

NAMES = sorted(path.name for path in migrations_folder().glob("*.sql"))


@pytest.fixture(scope="module", params=MAJORS)
def each_major(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each PostgreSQL version in the wheel."""
    with running_server(request.param) as server:
        yield server


def _tables(server: Server, url: str) -> str:
    database = url.partition("?")[0].rpartition("/")[2]
    return server.psql(
        "SELECT string_agg(format('%s %s %s', table_name, column_name, data_type), E'\n' "
        "ORDER BY table_name, column_name) FROM information_schema.columns "
        "WHERE table_schema = 'public'",
        database,
    )


def test_migrate_applies_every_file_once(tmp_path: Path, empty_database_url: str) -> None:
    """The first migrate names each file in order, the second finds nothing to do."""
    console = Console(tmp_path, {"VOD_BATCH_DATABASE_URL": empty_database_url})
    first = console.run("migrate")
    assert first.stdout.splitlines() == [f"applied {name}" for name in NAMES]
    assert console.run("migrate").stdout == "the schema is up to date\n"


def test_a_migration_that_fails_says_why(
    tmp_path: Path, postgres: Server, empty_database_url: str
) -> None:
    """Here somebody else's table has the name of one of ours."""
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    postgres.psql("CREATE TABLE targets ()", name)
    ended = Console(tmp_path, {"VOD_BATCH_DATABASE_URL": empty_database_url}).run(
        "migrate", code=78
    )
    assert ended.stderr.startswith("vod-batch: a migration failed, nothing of it was kept: ")
    assert 'relation "targets" already exists' in ended.stderr


async def test_two_migrates_at_once_apply_each_file_once(empty_database_url: str) -> None:
    """The advisory lock lets one migrate work while the other waits and then finds it done."""
    applied = await asyncio.gather(migrate(empty_database_url), migrate(empty_database_url))
    assert sorted(applied, key=len) == [[], NAMES]


def test_every_migration_rolls_down_and_up_again(
    postgres: Server, empty_database_url: str, database_url: str
) -> None:
    """All the way down nothing of ours is left; up again it is the same schema."""
    run_dbmate(empty_database_url, "migrate")
    for _ in NAMES:
        run_dbmate(empty_database_url, "rollback")
    left = {line.split()[0] for line in _tables(postgres, empty_database_url).splitlines() if line}
    assert left == {"schema_migrations"}
    database = empty_database_url.partition("?")[0].rpartition("/")[2]
    ours = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert postgres.psql(ours, database) == "0\n"
    run_dbmate(empty_database_url, "migrate")
    assert _tables(postgres, empty_database_url) == _tables(postgres, database_url)


def test_an_older_schema_is_refused_with_advice(tmp_path: Path, empty_database_url: str) -> None:
    """A command on a schema that lacks a migration ends with 78 and says what to run."""
    console = Console(tmp_path, {"VOD_BATCH_DATABASE_URL": empty_database_url})
    advice = "vod-batch: the database's schema is older than this program; run: vod-batch migrate\n"
    assert console.run("status", code=78).stderr == advice
    run_dbmate(empty_database_url, "migrate")
    run_dbmate(empty_database_url, "rollback")
    assert console.run("status", code=78).stderr == advice


def test_a_newer_schema_is_refused_with_advice(
    tmp_path: Path, postgres: Server, database_url: str
) -> None:
    """A command on a schema that it does not know yet ends with 78 and says what to change."""
    database = database_url.partition("?")[0].rpartition("/")[2]
    postgres.psql("INSERT INTO schema_migrations VALUES ('29990101000000')", database)
    console = Console(tmp_path, {"VOD_BATCH_DATABASE_URL": database_url})
    for command in ("status", "migrate"):
        assert console.run(command, code=78).stderr == (
            "vod-batch: the database's schema (29990101000000) is newer than this program "
            f"({newest_version()}); upgrade vod-batch\n"
        )


async def test_load_begin_and_record_work_on_each_version(
    tmp_path: Path, each_major: Server
) -> None:
    """What a night needs works on every PostgreSQL version of the wheel."""
    with each_major.database() as url:
        console = Console(tmp_path, {"VOD_BATCH_DATABASE_URL": url})
        manifest = write_csv(tmp_path / "m.csv", ["a" * 32, "b" * 32], "AIMediaDNA,AIVideoTag")
        await asyncio.to_thread(console.run, "load", str(manifest))
        async with open_ledger(url) as ledger:
            claims = await ledger.begin()
            assert [len(claim.members) for claim in claims] == [2, 2]
            members = [member for claim in claims for member in claim.members]
            verdicts = [
                Verdict(m.id, m.lease, "accepted", State.SUBMITTED, job_id=f"j{m.id}")
                for m in members
            ]
            assert await ledger.store.record(verdicts, "test") == []
            assert await ledger.states() == {State.SUBMITTED: 4}
            await ledger.check()
