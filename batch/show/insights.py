"""Read-only questions to the ledger, shared by every surface that shows something."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from batch.core.models import Target
from batch.core.pricing import Costs
from batch.core.states import State
from batch.core.unseen import UnseenWord
from batch.errors import UsageError
from batch.ledger.costs import read_costs
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts, ExtraCharge
from batch.ledger.operators import Hold, Operators
from batch.ledger.owners import Owners
from batch.ledger.unseen import KeptWords

EXPORT_COLUMNS = (
    "batch", "line", "media_id", "type", "status", "job_id", "request_id", "attempts",
    "error_code", "error_message", "submitted_at", "finished_at", "source", "campaign", "config",
    "user_data", "cost", "currency",
)  # fmt: skip
"""The columns of ``export``; the first twelve are what scripts rely on."""


_EXPORT_PAGE = 1000


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One batch with its submissions by state."""

    id: int
    source: str
    campaign: str
    loaded_at: datetime
    lines: int
    rows: int
    quarantined: int
    quarantine_path: str | None
    submissions: int
    duplicates_in_file: int
    duplicates_across_files: int
    duplicates_submitted: int
    by_state: dict[str, int]


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker that is alive, or that died holding submissions."""

    id: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    alive: bool
    holds: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a target."""

    account: str
    region: str
    states: dict[str, int]
    batches: tuple[BatchLine, ...]
    workers: tuple[WorkerLine, ...]
    extra_charges: tuple[ExtraCharge, ...]
    holds: tuple[Hold, ...]
    costs: Costs
    unseen: tuple[UnseenWord, ...]
    unknown_jobs: int
    """JobIds that the cloud said it does not know: ``vod-batch resolve --all --disown``."""


class Insights:
    """Read-only view of one target."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def status(self, silence_seconds: float, *, batches: int = 10) -> Status:
        """Return the target's state; a worker silent for ``silence_seconds`` counts as dead."""
        counted = await self._database.fetch("count_states", self._target.id)
        states = dict.fromkeys((state.value for state in State), 0)
        return Status(
            account=self._target.account,
            region=self._target.region,
            states=states | {row["state"]: row["n"] for row in counted},
            batches=tuple(
                BatchLine(**{**row, "by_state": json.loads(row["by_state"] or "{}")})
                for row in await self._database.fetch("list_batches", self._target.id, batches)
            ),
            workers=tuple(
                WorkerLine(**{**row, "id": str(row["id"])})
                for row in await self._database.fetch(
                    "list_workers", self._target.id, silence_seconds
                )
            ),
            extra_charges=tuple(await Doubts(self._database, self._target).extra_charges()),
            holds=tuple(await Operators(self._database, self._target).holds()),
            costs=await read_costs(self._database, self._target),
            unseen=tuple(await KeptWords(self._database, self._target).newest()),
            unknown_jobs=await Owners(self._database, self._target).count_unknown(),
        )

    async def night(self, run: str | None) -> dict[str, Any] | None:
        """Return the facts of a night that has ended: of ``run``, or the newest.

        Raises:
            UsageError: ``run`` is not a run's id.
        """
        try:
            wanted = UUID(run) if run else None
        except ValueError:
            raise UsageError(
                f"{run!r} is not a run; see the line of the report that begins with run"
            ) from None
        row = await self._database.fetch_row("newest_run", self._target.id, wanted)
        return json.loads(row["facts"]) if row else None

    async def export(
        self, state: State | None, batch: int | None
    ) -> AsyncGenerator[dict[str, object], None]:
        """Yield one row a submission, in manifest order, as :data:`EXPORT_COLUMNS` name it.

        Read a page at a time, each in a statement of its own: a reader who pauses holds no
        snapshot, which would slow down all that is sent meanwhile. A submission comes once, as it
        is when its page is read.
        """
        wanted = (self._target.id, [state.value] if state else None, batch)
        after = 0
        while page := await self._database.fetch("export", *wanted, after, _EXPORT_PAGE):
            after = page[-1]["id"]
            for row in page:
                yield {name: _plain(row[name]) for name in EXPORT_COLUMNS}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
