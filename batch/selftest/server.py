"""The PostgreSQL of a self-test: the embedded one, or a database of its own on a given server."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from batch.errors import DatabaseUnavailableError
from batch.ledger.connecting.connection import STOPPED_SECONDS
from batch.ledger.embedded.server import Embedded
from batch.ledger.statements import statement

_KEPT = "kept"
_TABLES = """
SELECT tablename FROM pg_tables
 WHERE schemaname = 'public' AND tablename <> ALL ('{schema_migrations,transitions}')
"""
_TIMES = """
SELECT c.table_name, array_agg(c.column_name::text) AS columns
  FROM information_schema.columns c JOIN pg_tables t ON t.tablename = c.table_name
 WHERE c.table_schema = 'public' AND t.schemaname = 'public'
   AND c.data_type = 'timestamp with time zone' AND c.table_name <> 'submission_history'
 GROUP BY c.table_name
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SILENCE = "UPDATE workers SET heartbeat_at = heartbeat_at - interval '1 hour'"
_NONCES = "SELECT DISTINCT nonce FROM attempts"
_WORKERS = "SELECT id::text FROM workers"
_RUNNING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_STATEMENT_SECONDS = 60.0
"""Longer than any of ours; what waits for locks of a frozen process gets them within 20 seconds."""
_LOOK_SECONDS = 0.01


class Server(Protocol):
    """Where the database of a self-test runs."""

    url: str

    def restart(self) -> None:
        """Cut every connection, as a restart does."""


class EmbeddedServer:
    """The embedded server, which is stopped and started for real."""

    def __init__(self, home: Path) -> None:
        self._embedded = Embedded(home)
        self.url = self._embedded.url

    def restart(self) -> None:
        """Stop it and start it again."""
        self._embedded.stop_server()
        self._embedded.start_server()

    def close(self) -> None:
        """Let it stop."""
        self._embedded.close()


class GivenServer:
    """A database of our own on somebody's server; nothing else there is touched."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"vod_batch_selftest_{uuid4().hex[:12]}"
        run_sql(url, f"CREATE DATABASE {self._name}")
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{self._name}"))

    def restart(self) -> None:
        """Cut every connection to our database: the server is not ours to stop."""
        run_sql(self.url, _OTHERS)

    def close(self) -> None:
        """Drop our database."""
        run_sql(self._url, f"DROP DATABASE {self._name} WITH (FORCE)")


@contextlib.contextmanager
def running_server(home: Path, url: str | None) -> Iterator[Server]:
    """Run the embedded server under ``home``, or make a database on the server of ``url``.

    Raises:
        DatabaseUnavailableError: the one does not start, the other cannot be made.
    """
    try:
        server = GivenServer(url) if url else EmbeddedServer(home)
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise DatabaseUnavailableError(
            f"no database can be made on the server of --database-url: {error}"
        ) from error
    try:
        yield server
    finally:
        server.close()


def run_sql(url: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
    """Run one statement on a connection of its own and return its rows."""

    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    return asyncio.run(run())


def empty(url: str) -> None:
    """Empty every table of the ledger."""
    tables = _tables(url)
    run_sql(url, f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")


def grow_older(url: str, seconds: float) -> list[str]:
    """Let ``seconds`` pass for all that the ledger remembers; return the nonces signed until now.

    What happened then happened so much earlier; the database's clock stays where it is. The
    history keeps its times: nothing reads them but people. What a frozen process had asked for
    belongs to the time before: the server goes on with it.
    """
    _wait_for_statements(url)
    for row in run_sql(url, _TIMES):
        moved = ", ".join(f"{name} = {name} - make_interval(secs => $1)" for name in row["columns"])
        run_sql(url, f"UPDATE {row['table_name']} SET {moved}", seconds)  # noqa: S608
    return [row["nonce"] for row in run_sql(url, _NONCES)]


def _wait_for_statements(url: str) -> None:
    give_up_at = time.monotonic() + _STATEMENT_SECONDS
    while run_sql(url, _RUNNING) and time.monotonic() < give_up_at:
        run_sql(url, statement("end_stopped_sessions"), STOPPED_SECONDS)
        time.sleep(_LOOK_SECONDS)


def silence_workers(url: str) -> None:
    """Let every worker have been silent for an hour."""
    run_sql(url, _SILENCE)


def workers(url: str) -> set[str]:
    """Return the ids of all workers that there were."""
    return {row["id"] for row in run_sql(url, _WORKERS)}


def keep_backup(url: str) -> None:
    """Keep all tables as they are now."""
    run_sql(url, f"DROP SCHEMA IF EXISTS {_KEPT} CASCADE")
    run_sql(url, f"CREATE SCHEMA {_KEPT}")
    for table in _tables(url):
        run_sql(url, f"CREATE TABLE {_KEPT}.{table} AS TABLE public.{table}")


def restore_backup(url: str) -> None:
    """Restore the kept tables; what came after is gone, as with a backup or a late standby."""
    tables = _tables(url)

    async def restore() -> None:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                await connection.execute(f"TRUNCATE {', '.join(tables)}")
                for table in tables:
                    await connection.execute(
                        f"INSERT INTO public.{table} OVERRIDING SYSTEM VALUE "  # noqa: S608
                        f"SELECT * FROM {_KEPT}.{table}"
                    )
        finally:
            await connection.close()

    asyncio.run(restore())


def _tables(url: str) -> list[str]:
    return [f'"{row["tablename"]}"' for row in run_sql(url, _TABLES)]
