"""The runs of one target: begun, ended, and those that never came to say how they ended."""

import json
from collections.abc import Mapping
from uuid import UUID

from batch.core.models import Target
from batch.errors import ExitCode
from batch.ledger.database import Database

_NO_WORD = "its process ended without a word"


class Runs:
    """The ``runs`` table of one target."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def start(
        self, run: UUID, kind: str, host: str, pid: int, settings: Mapping[str, object]
    ) -> None:
        """Make the run's row."""
        text = json.dumps(settings, default=str)
        await self._database.fetch("start_run", run, self._target.id, kind, host, pid, text)

    async def end(
        self,
        run: UUID,
        stopped_by: str,
        code: ExitCode,
        worst_second: int | None,
        facts: Mapping[str, object],
    ) -> None:
        """Write down how the run ended."""
        text = json.dumps(facts, default=str)
        await self._database.fetch("end_run", run, stopped_by, int(code), worst_second, text)

    async def close_lost(self, silence: float, *, has_lock: bool) -> list[UUID]:
        """Close the rows of runs that are over and never said so; return which.

        A submit is over when no worker of its process sent a heartbeat for ``silence`` seconds, a
        night when the caller has the target's lock (``has_lock``). They end with their last sign
        of life, and with 69: something they needed was gone.
        """
        rows = await self._database.fetch(
            "close_lost_runs", self._target.id, silence, has_lock, _NO_WORD,
            int(ExitCode.UNAVAILABLE),
        )  # fmt: skip
        return [row["id"] for row in rows]
