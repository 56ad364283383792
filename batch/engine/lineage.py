"""Is the database still the one that this machine wrote to, with all that was written?

A clean failover is: another timeline, no less of the log. Where the log went back, or a worker of
another machine is forgotten, somebody's intents may be missing that no journal here can bring back.
"""

import asyncio
from datetime import datetime
from pathlib import Path

from batch.core.models import RunId, Target
from batch.errors import ConfigurationError
from batch.ledger.database import Database
from batch.ledger.journal import journal_files, worker_of
from batch.ledger.memory import (
    EVER_SECONDS,
    KEEP,
    Place,
    find_lineage,
    find_place,
    others,
    remembered,
    seen_workers,
)
from batch.ledger.opening import open_ledger
from batch.settings import Settings

_ACCEPT = "vod-batch doctor --accept failover"


async def check_place(database: Database, folder: Path) -> str | None:
    """Say what is wrong if the cluster's log went back; to be asked before anything is written.

    It stays wrong until it is accepted, however much is written since.
    """
    place = await find_place(database)
    if place is None:
        return None
    with remembered(folder) as memory:
        before = memory.places.get(place.system)
        if before and place.is_behind(before):
            memory.alarms[place.system] = (
                f"the database went back from {_told(before)} to {_told(place)}: it comes from a "
                "backup, or a server took over that lacks the last commits"
            )
        return memory.alarms.get(place.system)


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


async def is_another_history(database: Database, folder: Path) -> bool:
    """Tell whether a server took over, or went back, since the database was last seen from here."""
    place = await find_place(database)
    with remembered(folder) as memory:
        before = memory.places.get(place.system) if place else None
    return (
        before is not None
        and place is not None
        and (place.timeline != before.timeline or place.is_behind(before))
    )


async def insist_on_lineage(
    database: Database, target: Target, folder: Path, went_back: str | None
) -> None:
    """Stop where others may have paid for what the database forgot, else remember it as it is.

    To be asked after the journals are read in: what they know is not missing. ``went_back`` is what
    :func:`check_place` said.

    Raises:
        ConfigurationError: with what to do.
    """
    if went_back:
        raise _alarming(went_back)
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
    database: Database, target: Target, folder: Path, seconds: float | None = None
) -> None:
    """Remember where the database stands, and the workers of other machines that it has seen.

    ``seconds`` is how far back to look for them, ever if not given.

    A server that this program has told everything it knows may stand behind the one before.
    """
    place = await find_place(database)
    lineage = await find_lineage(database, target)
    found = await seen_workers(database, target, seconds or EVER_SECONDS)
    seen = others(found, _here(folder))
    await asyncio.to_thread(_write_down, folder, place, lineage, seen)


def _write_down(
    folder: Path, place: Place | None, lineage: str, seen: dict[RunId, datetime]
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


async def accept_failover(settings: Settings) -> str:
    """Take the database as it is, whatever it lacks; return what that came to.

    This is an operator's word: what other machines sent and the database forgot may be paid again.
    """
    folder = settings.journal_path
    async with open_ledger(settings) as (database, store):
        place = await find_place(database)
        lineage = await find_lineage(database, store.target)
        seen = await seen_workers(database, store.target)
        with remembered(folder) as memory:
            behind = _behind(memory.workers.get(lineage, {}), seen)
            alarm = memory.alarms.pop(place.system, None) if place else None
            if place:
                memory.places[place.system] = place
            for worker in behind:
                del memory.workers[lineage][worker]
    if not alarm and not behind:
        return "the database lacks nothing that is known here: nothing to accept"
    told = [*([alarm] if alarm else [])]
    if behind:
        told.append(f"{len(behind)} workers of other machines are forgotten")
    return f"accepted: {'; '.join(told)}; compare the bill with what the ledger knows"


def _behind(known: dict[RunId, datetime], seen: dict[RunId, datetime]) -> dict[RunId, datetime]:
    """Return the workers of other machines of which the database knows less than was seen once."""
    return {worker: at for worker, at in known.items() if worker not in seen or seen[worker] < at}


def _here(folder: Path) -> set[RunId]:
    return {worker for path in journal_files(folder) if (worker := worker_of(path))}


def _told(place: Place) -> str:
    return f"{place.position >> 32:X}/{place.position & 0xFFFFFFFF:X} on timeline {place.timeline}"
