"""Runs, and the lock that lets one night at a time have a target."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import asyncpg

from batch.core.models import Target
from batch.errors import ExitCode, LockHeldError
from batch.ledger.connections import patient_while_full
from batch.ledger.database import Database, translated_errors

_LOCK_CLASS = 0x766F6462  # "vodb": this program's own class among advisory locks
_SESSION = "vod-batch nightly "
"""What the name of a session that holds the lock begins with; the id of its run follows."""


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

    @contextlib.asynccontextmanager
    async def night_lock(self, run: UUID) -> AsyncIterator[None]:
        """Hold the target's night for the block, for ``run``.

        The lock is a session's: it goes with the process that holds it, however that ends.

        Raises:
            LockHeldError: another night holds it; the message says which.
        """
        with translated_errors():
            connection = await patient_while_full(
                lambda: asyncpg.connect(
                    self._database.direct_url,
                    server_settings={"application_name": f"{_SESSION}{run}"},
                )
            )
        try:
            taken = await connection.fetchval(
                "SELECT pg_try_advisory_lock($1, $2)", _LOCK_CLASS, self._target.id
            )
            if not taken:
                raise LockHeldError(await self._holder())
            yield
        finally:
            await connection.close()

    async def _holder(self) -> str:
        target = f"{self._target.account}/{self._target.region}"
        row = await self._database.fetch_row("find_holder", _LOCK_CLASS, self._target.id, _SESSION)
        if row is None:
            return f"another night of {target} is just beginning"
        return (
            f"another night of {target} runs since {row['started_at']:%Y-%m-%d %H:%M:%S} UTC: "
            f"run {row['id']} on {row['host']}, pid {row['pid']}"
        )
