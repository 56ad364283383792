"""What a start does first: dead workers' journals are read into PostgreSQL, their rows expire."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from batch.core.budget import Spending
from batch.core.models import RunId, Target
from batch.ledger.database import Database
from batch.ledger.journal import Reading, journal_files, lock_dead, read_journal, worker_of
from batch.ledger.restoring import Comparison, Restorer

KEEP_SECONDS = 90 * 86400
"""How long a journal that PostgreSQL knows whole is kept: longer than a backup is restored from."""

_GROUP = 2000

log = structlog.get_logger()


async def replay_journals(
    database: Database, target: Target, folder: Path, spending: Spending
) -> int:
    """Read what dead workers wrote into PostgreSQL; return how many submissions that touched.

    A journal that the database knows already is skipped at the cost of one look; one that a living
    worker, or another start, holds is left to it. ``spending`` prices what the database forgot.
    """
    restorer = Restorer(database, target, "journal", spending)
    touched = 0
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
                touched += await _restore(restorer, reading)
    if touched:
        log.warning("journal_replayed", submissions=touched)
    return touched


async def _restore(restorer: Restorer, reading: Reading) -> int:
    touched = 0
    is_whole = True
    for start in range(0, len(reading.intents), _GROUP):
        group = reading.intents[start : start + _GROUP]
        touched += await restorer.restore(group)
        is_whole = is_whole and not (await restorer.compare(group)).differs
    # Another target's requests are left for its own start; the mark would hide them.
    if is_whole and all(restorer.owns(intent) for intent in reading.intents):
        await restorer.mark(reading.worker, reading.end)
    await restorer.bury(reading.worker)
    return touched


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """One journal beside PostgreSQL; counts are of requests, and of their submissions' shares."""

    path: Path
    requests: int
    damaged_lines: int
    is_alive: bool
    comparison: Comparison


async def check_journals(database: Database, target: Target, folder: Path) -> list[JournalCheck]:
    """Compare every journal, whole, with PostgreSQL; change nothing."""
    restorer = Restorer(database, target, "journal")
    checks = []
    for path in journal_files(folder):
        worker = worker_of(path)
        if worker is None:
            continue
        with lock_dead(path) as is_dead:
            reading = await asyncio.to_thread(read_journal, path, worker)
            comparison = await restorer.compare(reading.intents)
        checks.append(
            JournalCheck(path, len(reading.intents), reading.damaged_lines, not is_dead, comparison)
        )
    return checks


async def _marks(restorer: Restorer, folder: Path) -> dict[RunId, int]:
    workers = [worker for path in journal_files(folder) if (worker := worker_of(path))]
    return await restorer.marks(workers)


def _drop_old(path: Path, known: int) -> None:
    status = path.stat()
    if known and status.st_size <= known and time.time() - status.st_mtime > KEEP_SECONDS:
        path.unlink(missing_ok=True)
