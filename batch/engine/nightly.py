"""One night: load what came, look before paying, submit, reconcile, report; one at a time."""

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import structlog

from batch.engine import service
from batch.engine.inbox import DONE, Inbox
from batch.engine.loading import LoadReport, load_manifest
from batch.engine.preflight import PreflightSummary
from batch.engine.reconciler import ReconcileSummary
from batch.engine.tally import RunSummary
from batch.errors import ExitCode, UsageError, VodBatchError, most_urgent
from batch.ledger.database import Database
from batch.ledger.runs import Runs
from batch.ledger.store import Store
from batch.settings import Settings
from batch.vod.credentials import CredentialSource

log = structlog.get_logger()


@dataclass
class Night:
    """What a night has come to so far; a part that was not reached is ``None``.

    ``moved`` are the files as they lie now, by their batch; ``failed`` the ones that could not be
    loaded, with the reason; ``waiting`` the ones that may still be written.
    """

    run: UUID
    started_at: datetime
    ends_at: datetime | None
    loads: list[LoadReport] = field(default_factory=list)
    moved: dict[int, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    preflight: PreflightSummary | None = None
    submitted: RunSummary | None = None
    reconciled: ReconcileSummary | None = None
    trouble: VodBatchError | None = None
    ended_at: datetime | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The code that the night ends with: the most urgent of its parts."""
        codes: list[ExitCode] = []
        if self.trouble:
            codes.append(self.trouble.exit_code)
        if self.submitted:
            codes += self.submitted.exit_codes
        if self.reconciled:
            codes += self.reconciled.exit_codes
            if not self.reconciled.in_doubt and not self.reconciled.extra_charges:
                # What was in doubt after the last send has been settled since.
                codes = [code for code in codes if code is not ExitCode.DONE_WITH_DOUBTS]
        if self.failed or (self.preflight and self.preflight.not_there):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        return most_urgent(*codes)

    @property
    def stopped_by(self) -> str:
        """Why the night ended, in a few words."""
        if self.trouble:
            return str(self.trouble)
        return self.submitted.stopped_by.value if self.submitted else "nothing was submitted"


async def run_night(
    settings: Settings,
    inbox: Inbox,
    watcher: service.Watcher,
    credentials: CredentialSource | None = None,
    *,
    on_start: Callable[[Night], None] = lambda _night: None,
) -> Night:
    """Run one night under the target's lock.

    A part that fails ends the night early and is its ``trouble``; what was done before stands.

    Raises:
        LockHeldError: another night has the target.
        VodBatchError: the ledger cannot be opened at all.
    """
    now = datetime.now(UTC)
    night = Night(uuid4(), now, service.run_deadline(settings, now))
    async with service.open_ledger(settings) as (database, store):
        runs = Runs(database, store.target)
        async with runs.night_lock():
            shown = settings.model_dump(
                mode="json", exclude={"database_url", "database_direct_url"}
            )
            await runs.start(night.run, "nightly", socket.gethostname(), os.getpid(), shown)
            on_start(night)
            try:
                await _walk_through(night, settings, inbox, watcher, credentials, database, store)
            except VodBatchError as error:
                night.trouble = error
                log.error("night_stopped", error=str(error))
            finally:
                night.ended_at = datetime.now(UTC)
                await _write_down(night, runs)
    return night


async def _walk_through(
    night: Night,
    settings: Settings,
    inbox: Inbox,
    watcher: service.Watcher,
    credentials: CredentialSource | None,
    database: Database,
    store: Store,
) -> None:
    await _load_inbox(night, settings, inbox, database, store)
    if settings.preflight:
        night.preflight = await service.preflight(settings, night.started_at, credentials)
    night.submitted = await service.submit(settings, watcher, credentials, ends_at=night.ends_at)
    follow_until = night.ends_at or datetime.now(UTC) + settings.reconcile_for
    night.reconciled = await service.reconcile(
        settings, once=False, credentials=credentials, ends_at=follow_until
    )


async def _load_inbox(
    night: Night, settings: Settings, inbox: Inbox, database: Database, store: Store
) -> None:
    """Load every whole file; a file that cannot be loaded does not stop the others."""
    night.waiting = [path.name for path in inbox.unsettled_files()]
    beside = settings.model_copy(update={"quarantine": inbox.folder / DONE})
    for path in inbox.settled_files():
        try:
            report = await load_manifest(database, store.target, str(path), beside)
        except UsageError as error:
            night.failed[path.name] = str(error)
            inbox.fail(path, str(error))
            continue
        night.loads.append(report)
        place = inbox.place(path, DONE)
        shutil.move(path, place)
        if report.counts:
            night.moved[report.counts.batch_id] = place


async def _write_down(night: Night, runs: Runs) -> None:
    worst = night.submitted.worst_second if night.submitted else None
    facts = night_facts(night)
    try:
        await runs.end(night.run, night.stopped_by, night.exit_code, worst, facts)
    except VodBatchError as error:
        night.trouble = night.trouble or error


def night_facts(night: Night) -> dict[str, object]:
    """Return the night as plain values, for the report and for scripts."""
    return {
        "run": str(night.run),
        "started_at": night.started_at.isoformat(),
        "ends_at": night.ends_at.isoformat() if night.ends_at else None,
        "ended_at": night.ended_at.isoformat() if night.ended_at else None,
        "stopped_by": night.stopped_by,
        "exit_code": int(night.exit_code),
        "loads": [asdict(report) for report in night.loads],
        "failed_files": night.failed,
        "waiting_files": night.waiting,
        "preflight": asdict(night.preflight) if night.preflight else None,
        "submitted": asdict(night.submitted) if night.submitted else None,
        "reconciled": asdict(night.reconciled) if night.reconciled else None,
    }
