"""What a start does first: dead workers' journals are read into PostgreSQL, their rows expire."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from batch.core.budget import Spending
from batch.core.models import Target, WorkerId
from batch.errors import ConfigurationError
from batch.ledger.database import Database
from batch.ledger.journal import Reading, journal_files, lock_dead, read_journal, worker_of
from batch.ledger.restoring import Comparison, Restorer

KEEP_SECONDS = 90 * 86400
"""How long a journal that PostgreSQL knows whole is kept: longer than a backup is restored from."""

_GROUP = 1000
"""Requests a transaction: each takes a lock of PostgreSQL's table of locks until its end."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What journals changed, in submissions: ``forgotten`` had been committed, and was gone."""

    touched: int
    forgotten: int


async def replay_journals(
    database: Database,
    target: Target,
    folder: Path,
    spending: Spending,
    *,
    accepts_damage: bool = False,
) -> Replayed:
    """Read what dead workers wrote into PostgreSQL; return how many submissions that touched.

    A journal that the database knows already is skipped at the cost of one look; one that a living
    worker, or another start, holds is left to it. ``spending`` prices what the database forgot.

    Raises:
        ConfigurationError: a journal is damaged, and ``accepts_damage`` is not set. What can be
            read of it has been.
    """
    restorer = Restorer(database, target, "journal", spending)
    touched = 0
    readings: list[Reading] = []
    marks = await _marks(restorer, folder)
    for path in journal_files(folder):
        worker = worker_of(path)
        known = marks.get(worker, 0) if worker else 0
        if worker is None or path.stat().st_size <= known:
            _drop_old(path, known)
            continue
        with lock_dead(path) as is_dead:
            if is_dead:
                reading = await asyncio.to_thread(read_journal, path, worker, known)
                touched += await _restore(restorer, reading, accepts_damage=accepts_damage)
                readings.append(reading)
    if touched:
        log.warning("journal_replayed", submissions=touched)
    if not accepts_damage:
        refuse_damage(restorer, readings)
    return Replayed(touched, restorer.forgotten)


def refuse_damage(restorer: Restorer, readings: Sequence[Reading]) -> None:
    """Stop where a journal of this target is damaged: what a lost line knew may be paid again.

    Raises:
        ConfigurationError: one is; the message says which, and how to go on.
    """
    damaged = [each for each in readings if each.damaged_lines and _may_be_of(restorer, each)]
    if damaged:
        lines = sum(each.damaged_lines for each in damaged)
        raise ConfigurationError(
            f"{lines} lines of the journal cannot be read ({damaged[0].path}"
            f"{f' and {len(damaged) - 1} more' if len(damaged) > 1 else ''}): what they knew to be "
            "paid might be paid again; restore the file from a copy, or go on without them with "
            "vod-batch doctor --accept journal"
        )


def _may_be_of(restorer: Restorer, reading: Reading) -> bool:
    return not reading.intents or any(restorer.owns(intent) for intent in reading.intents)


async def accept_journal(
    database: Database, target: Target, folder: Path, spending: Spending
) -> str:
    """Go on without the journal lines that cannot be read; return what that came to.

    This is an operator's word: what only those lines knew may be paid again.
    """
    checks = await check_journals(database, target, folder)
    await replay_journals(database, target, folder, spending, accepts_damage=True)
    damaged = [each for each in checks if each.damaged_lines and not each.is_known]
    if not damaged:
        return "no journal is damaged: nothing to accept"
    alive = sum(each.is_alive for each in damaged)
    later = f"; {alive} of them once their workers have ended" if alive else ""
    lines = sum(each.damaged_lines for each in damaged)
    return (
        f"accepted: {lines} damaged lines in {len(damaged)} journals are left unread{later}; "
        "compare the bill with what the ledger knows"
    )


async def _restore(restorer: Restorer, reading: Reading, *, accepts_damage: bool) -> int:
    touched = 0
    is_whole = accepts_damage or not reading.damaged_lines
    for start in range(0, len(reading.intents), _GROUP):
        group = reading.intents[start : start + _GROUP]
        touched += await restorer.restore(group)
        is_whole = is_whole and not (await restorer.compare(group)).differs
    # Another target's requests are left for its own start; the mark would hide them.
    if is_whole and all(restorer.owns(intent) for intent in reading.intents):
        await restorer.mark(reading.worker, reading.end)
    if any(restorer.owns(intent) for intent in reading.intents):
        await restorer.declare_dead(reading.worker)
    return touched


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One journal beside PostgreSQL; counts are of requests, and of their submissions' shares.

    ``is_known`` when PostgreSQL has it to its end: damage in it has done no harm, or is accepted.
    """

    path: Path
    requests: int
    damaged_lines: int
    is_alive: bool
    is_known: bool
    comparison: Comparison


async def check_journals(database: Database, target: Target, folder: Path) -> list[JournalCheck]:
    """Compare every journal, whole, with PostgreSQL; change nothing."""
    restorer = Restorer(database, target, "journal")
    marks = await _marks(restorer, folder)
    checks = []
    for path in journal_files(folder):
        worker = worker_of(path)
        if worker is None:
            continue
        with lock_dead(path) as is_dead:
            reading = await asyncio.to_thread(read_journal, path, worker)
            comparison = await restorer.compare(reading.intents)
        is_known = marks.get(worker, 0) >= reading.end
        count = len(reading.intents)
        damaged = reading.damaged_lines
        checks.append(JournalCheck(path, count, damaged, not is_dead, is_known, comparison))
    return checks


async def _marks(restorer: Restorer, folder: Path) -> dict[WorkerId, int]:
    workers = [worker for path in journal_files(folder) if (worker := worker_of(path))]
    return await restorer.marks(workers)


def _drop_old(path: Path, known: int) -> None:
    status = path.stat()
    if known and status.st_size <= known and time.time() - status.st_mtime > KEEP_SECONDS:
        path.unlink(missing_ok=True)
