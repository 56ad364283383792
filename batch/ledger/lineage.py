"""Is the database still the one that this machine wrote to, with all that was written?

A clean failover is: another timeline, no less of the log. Where the log went back, or a worker of
another machine is forgotten, somebody's intents may be missing that no journal here can restore.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batch.core.models import Target, WorkerId
from batch.errors import ConfigurationError
from batch.ledger.connecting.place import Place, find_place
from batch.ledger.database import Database
from batch.ledger.journal import journal_files, worker_of
from batch.ledger.memory import (
    EVER_SECONDS,
    KEEP,
    find_lineage,
    others,
    remembered,
    seen_workers,
)

_ACCEPT = "vod-batch doctor --accept failover"


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """The cluster compared with what was seen of it last: ``alarm`` says what is wrong.

    ``has_changed`` where another server took over, or the log went back.
    """

    alarm: str | None = None
    has_changed: bool = False


async def check_place(
    database: Database, folder: Path, *, sounds_alarm: bool = True
) -> ClusterCheck:
    """See whether the cluster's log went back; to be asked before anything is written.

    An alarm stays until it is accepted, however much is written since. A living worker sounds none:
    it knows what it sent.
    """
    # First what is remembered: another process may see the log further on while we ask.
    with remembered(folder) as memory:
        known = dict(memory.places)
    place = await find_place(database)
    if place is None:
        return ClusterCheck()
    before = known.get(place.system, place)
    with remembered(folder) as memory:
        if place.is_behind(before) and sounds_alarm:
            memory.alarms[place.system] = (
                f"the database went back from {_log_place(before)} to {_log_place(place)}: it "
                "comes from a backup, or a server took over that lacks the last commits"
            )
        has_changed = place.timeline != before.timeline or place.is_behind(before)
        return ClusterCheck(memory.alarms.get(place.system), has_changed)


async def raise_alarm(database: Database, folder: Path, why: str) -> None:
    """Stop a run for what a new server may lack; no start goes on until it is accepted.

    Raises:
        ConfigurationError: always.
    """
    if place := await find_place(database):
        with remembered(folder) as memory:
            memory.alarms[place.system] = why
    raise _alarming(why)


def _alarming(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{why}; this machine's journal is read in, but what other machines sent may be missing: "
        f"run vod-batch there once, then go on with {_ACCEPT}"
    )


async def insist_on_lineage(
    database: Database, target: Target, folder: Path, check: ClusterCheck, forgotten: int
) -> None:
    """Stop where others may have paid for what the database forgot, else remember it as it is.

    To be asked after the journals are read in: what they know is not missing. ``check`` is what
    :func:`check_place` said before, ``forgotten`` how many submissions only the journals knew.

    Raises:
        ConfigurationError: with what to do.
    """
    if check.alarm:
        raise _alarming(check.alarm)
    if check.has_changed and forgotten:
        await raise_alarm(
            database,
            folder,
            f"the database went back: another server took over, and had forgotten {forgotten} "
            "submissions that were committed",
        )
    lineage = await find_lineage(database, target)
    seen = await seen_workers(database, target)
    with remembered(folder) as memory:
        behind = _behind(memory.workers.get(lineage, {}), seen)
    if behind:
        newest = max(behind.values())
        raise ConfigurationError(
            f"the database forgot {len(behind)} workers of other machines, last seen at "
            f"{newest:%Y-%m-%d %H:%M:%S} UTC, and what they sent may be missing: run vod-batch "
            f"there once, so that their journals are read in, or go on with {_ACCEPT}"
        )
    await remember(database, target, folder)


async def remember(
    database: Database,
    target: Target,
    folder: Path,
    seconds: float | None = None,
    *,
    still: Callable[[], bool] = lambda: True,
) -> None:
    """Remember the database's position, and the workers of other machines that it has seen.

    ``seconds`` is how far back to look for them, ever if not given; ``still`` whether what was seen
    counts once all of it was seen.

    A server into which this program has read all it knows may be behind the one before.
    """
    place = await find_place(database)
    lineage = await find_lineage(database, target)
    found = await seen_workers(database, target, seconds or EVER_SECONDS)
    seen = others(found, _here(folder))
    if still():
        await asyncio.to_thread(_write_down, folder, place, lineage, seen)


def _write_down(
    folder: Path, place: Place | None, lineage: str, seen: dict[WorkerId, datetime]
) -> None:
    with remembered(folder) as memory:
        if place:
            memory.places[place.system] = place
        known = dict(memory.workers.get(lineage, {}))
        for worker, at in seen.items():
            known[worker] = max(at, known.get(worker, at))
        newest = max(known.values(), default=None)
        if newest:
            memory.workers[lineage] = {w: at for w, at in known.items() if at > newest - KEEP}


async def accept_failover(database: Database, target: Target, folder: Path) -> str:
    """Take the database as it is, whatever it lacks; return what that came to.

    This is an operator's word: what other machines sent and the database forgot may be paid again.
    """
    place = await find_place(database)
    lineage = await find_lineage(database, target)
    seen = await seen_workers(database, target)
    with remembered(folder) as memory:
        behind = _behind(memory.workers.get(lineage, {}), seen)
        alarm = memory.alarms.pop(place.system, None) if place else None
        if place:
            memory.places[place.system] = place
        for worker in behind:
            del memory.workers[lineage][worker]
    if not alarm and not behind:
        return "the database lacks nothing that is known here: nothing to accept"
    accepted = [*([alarm] if alarm else [])]
    if behind:
        accepted.append(f"{len(behind)} workers of other machines are forgotten")
    return f"accepted: {'; '.join(accepted)}; compare the bill with what the ledger knows"


def _behind(
    known: dict[WorkerId, datetime], seen: dict[WorkerId, datetime]
) -> dict[WorkerId, datetime]:
    """Return the workers of other machines of which the database knows less than was seen once."""
    return {worker: at for worker, at in known.items() if worker not in seen or seen[worker] < at}


def _here(folder: Path) -> set[WorkerId]:
    return {worker for path in journal_files(folder) if (worker := worker_of(path))}


def _log_place(place: Place) -> str:
    return f"{place.position >> 32:X}/{place.position & 0xFFFFFFFF:X} on timeline {place.timeline}"
