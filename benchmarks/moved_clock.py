"""Run ``vod-batch`` as if it were another time: for nights that have not come yet.

    .venv/bin/python -m benchmarks.moved_clock 86400 nightly INBOX ...

The first word is how many seconds the clock is ahead. Only this process's is moved. The database's
is moved by :func:`move_database`, the emulator's by its own page ``/_emulator/clock``.
"""

import sys
from datetime import UTC, datetime, timedelta

import asyncpg
import time_machine

_FUNCTIONS = """
CREATE SCHEMA moved;
CREATE TABLE moved.clock (ahead interval NOT NULL);
INSERT INTO moved.clock VALUES ('0');
CREATE FUNCTION moved.now() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN pg_catalog.now() + (SELECT ahead FROM moved.clock);
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    RETURN pg_catalog.clock_timestamp() + (SELECT ahead FROM moved.clock);
"""


async def make_movable(url: str, database: str) -> None:
    """Give an empty database a ``now()`` of its own, which goes before PostgreSQL's."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_FUNCTIONS)
        await connection.execute(
            f"ALTER DATABASE {database} SET search_path = public, moved, pg_catalog"
        )
    finally:
        await connection.close()


async def move_database(url: str, ahead: timedelta) -> None:
    """Let the database's clock be so far ahead of PostgreSQL's."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE moved.clock SET ahead = $1", ahead)
    finally:
        await connection.close()


def main() -> None:
    """Run the command of the words behind the time."""
    ahead = timedelta(seconds=float(sys.argv.pop(1)))
    time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()
    from batch.cli.main import run

    run()


if __name__ == "__main__":
    main()
