"""What the doctor asks a database: which it is, what we may do there, and what waits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from batch.core.models import JobType, Target
from batch.ledger.connecting.connection import one_connection, shares_backends
from batch.ledger.database import Database
from batch.ledger.owners import JOB_UNKNOWN
from batch.ledger.statements import statement


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One connection's server. ``clock_skew`` is its clock minus ours; ``place`` tells it apart.

    ``commits`` is the ``synchronous_commit`` that it gives to a session that does not ask.
    """

    major: int
    version: str
    role: str
    database: str
    is_read_only: bool
    commits: str
    may_enter: bool
    through_pooler: bool
    clock_skew: timedelta
    place: tuple[object, ...]


async def server_facts(database: Database, now: Callable[[], datetime]) -> ServerFacts:
    """Return the facts of the server as a run reaches it."""
    async with database.transaction() as connection:
        return await _facts(connection, now)


async def direct_facts(database: Database, now: Callable[[], datetime]) -> ServerFacts:
    """Return the facts of the server as the lock of a night and migrate reach it."""
    async with one_connection(database.direct) as connection:
        return await _facts(connection, now)


async def _facts(connection: asyncpg.Connection, now: Callable[[], datetime]) -> ServerFacts:
    asked_at = now()
    row = await connection.fetchrow(statement("server_facts"))
    ours = asked_at + (now() - asked_at) / 2
    return ServerFacts(
        major=row["version_num"] // 10_000,
        version=row["version"].split(" ")[0],
        role=row["role"],
        database=row["database"],
        is_read_only=row["is_read_only"],
        commits=row["commits"],
        may_enter=row["may_enter"],
        through_pooler=row["backend"] != connection.get_server_pid(),
        clock_skew=row["now"] - ours,
        place=(row["database"], row["database_id"], row["server_started_at"]),
    )


async def keeps_sessions(database: Database) -> bool:
    """Tell whether who comes the direct way has a session alone, though through a pooler."""
    return not await shares_backends(database.direct)


async def missing_rights(database: Database) -> list[str]:
    """Return the rights that a run needs and the role lacks, such as ``INSERT on runs``."""
    return [row["missing"] for row in await database.fetch("missing_rights")]


async def waiting_types(database: Database, target: Target) -> list[JobType]:
    """Return the types of the submissions that a run would send."""
    rows = await database.fetch("waiting_types", target.id)
    return [JobType(row["job_type"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Submissions that stand for one reason (``find_stuck.sql``), the oldest as an example.

    ``since`` is UTC. ``detail`` is what is known of the example: its worker, note or JobId.
    """

    kind: str
    count: int
    since: datetime | None
    media_id: str
    detail: str | None


async def find_stuck(
    database: Database,
    target: Target,
    *,
    silence: timedelta,
    long_send: timedelta,
    long_doubt: timedelta,
    long_job: timedelta,
) -> list[Stuck]:
    """Return what stands longer than these bounds, or without anybody who moves it."""
    rows = await database.fetch(
        "find_stuck",
        target.id,
        *(each.total_seconds() for each in (silence, long_send, long_doubt, long_job)),
        JOB_UNKNOWN,
    )
    return [
        Stuck(row["kind"], row["n"], row["since"], row["media_id"], row["detail"]) for row in rows
    ]
