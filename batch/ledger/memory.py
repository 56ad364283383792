"""What a machine remembers of its database, beside its journals: how far it had come, who wrote.

In the database itself the restore that loses commits would lose this too.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from batch.core.models import Target, WorkerId
from batch.errors import ConfigurationError
from batch.ledger.connecting.place import Place
from batch.ledger.database import Database

FILE_NAME = "databases.json"

KEEP = timedelta(days=90)
"""For how long a worker of another machine is remembered: as long as journals are kept."""

EVER_SECONDS = 1e9

_SILENCE_SECONDS = 20.0
"""How long a heartbeat waits for one statement; a line that is cut in silence gives no error."""


@dataclass
class Memory:
    """What the file holds.

    ``alarms`` are clusters that went back and were not accepted yet, ``workers`` when workers of
    other machines were last seen, by lineage (:func:`find_lineage`).
    """

    places: dict[str, Place] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    workers: dict[str, dict[WorkerId, datetime]] = field(default_factory=dict)


async def seen_workers(
    database: Database, target: Target, seconds: float = EVER_SECONDS
) -> dict[WorkerId, datetime]:
    """Return when each worker of the target last sent a heartbeat, if within these seconds."""
    rows = await database.fetch("seen_workers", target.id, seconds, timeout=_SILENCE_SECONDS)
    return {row["id"]: row["heartbeat_at"] for row in rows}


async def find_lineage(database: Database, target: Target) -> str:
    """Return what a target is remembered by: alike in every copy of its ledger, and in no other."""
    row = await database.fetch_row("target_made", target.id, timeout=_SILENCE_SECONDS)
    made = row["created_at"].astimezone(UTC).isoformat() if row else ""
    return f"{target.account}/{target.region} {made}"


@contextmanager
def remembered(folder: Path) -> Iterator[Memory]:
    """Yield the memory beside the journals; it is written back, durably, if the block changes it.

    One process at a time has it.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder) as handle:
            memory = _read(folder / FILE_NAME)
            before = _text(memory)
            yield memory
            if (after := _text(memory)) != before:
                _write(folder / FILE_NAME, after)
                os.fsync(handle)
    except OSError as error:
        raise ConfigurationError(
            f"the journal folder {folder} cannot be written ({error.strerror}); name one that "
            "lasts with VOD_BATCH_JOURNAL"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def others(
    workers: Mapping[WorkerId, datetime], of_this_machine: Iterable[WorkerId]
) -> dict[WorkerId, datetime]:
    """Return the workers whose journal does not lie here."""
    here = set(of_this_machine)
    return {worker: seen for worker, seen in workers.items() if worker not in here}


def _read(path: Path) -> Memory:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return Memory(
            {system: Place(system, *place) for system, place in held["places"].items()},
            dict(held["alarms"]),
            {
                name: {UUID(id_): datetime.fromisoformat(seen) for id_, seen in workers.items()}
                for name, workers in held["workers"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()  # none yet, or damaged: it protects by what it knows, and needs no repair


def _text(memory: Memory) -> str:
    return json.dumps(
        {
            "places": {p.system: [p.timeline, p.position] for p in memory.places.values()},
            "alarms": memory.alarms,
            "workers": {
                name: {str(id_): seen.isoformat() for id_, seen in workers.items()}
                for name, workers in memory.workers.items()
            },
        },
        sort_keys=True,
    )


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
