"""The position of a PostgreSQL cluster: does it have all that was committed before?"""

from dataclasses import dataclass
from typing import Protocol

import asyncpg

from batch.errors import PermissionRefusedError

_SILENCE_SECONDS = 20.0
"""How long a heartbeat waits for one statement; a line that is cut in silence gives no error."""


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a cluster: its name, its timeline, and the end of its log in bytes."""

    system: str
    timeline: int
    position: int

    def is_behind(self, before: "Place") -> bool:
        """Return whether what was durable ``before`` may be gone: by a restore, or a lost tail."""
        return self.timeline < before.timeline or self.position < before.position

    def goes_on_from(self, before: "Place") -> bool:
        """Return whether this is the same cluster as ``before``, started again, and no other."""
        return (self.system, self.timeline) == (before.system, before.timeline) and (
            self.position >= before.position
        )


class Asked(Protocol):
    """Runs a named statement."""

    async def fetch_row(self, name: str, *, timeout: float) -> asyncpg.Record | None:
        """Return its first row."""


async def find_place(database: Asked) -> Place | None:
    """Return the position of its cluster; ``None`` on a standby or without the right."""
    try:
        row = await database.fetch_row("place", timeout=_SILENCE_SECONDS)
    except PermissionRefusedError:
        return None
    if row is None or row["timeline"] is None:
        return None
    return Place(row["system"], row["timeline"], row["position"])
