"""One night: load what came, look before paying, submit, reconcile, report; one at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from batch.core.pricing import Costs
from batch.core.states import State
from batch.engine import service
from batch.engine.canary import CanaryWarden, JudgedCanary
from batch.engine.inbox import DONE, Arrival, Inbox
from batch.engine.loading import LoadReport, load_manifest
from batch.engine.night_lock import HeldNight
from batch.engine.preflight import PreflightSummary
from batch.engine.reconciler import ReconcileSummary
from batch.engine.tally import RunSummary, StopReason
from batch.errors import ExitCode, UsageError, VodBatchError, most_urgent
from batch.intake.sources import printable_name
from batch.ledger.canaries import Canaries
from batch.ledger.costs import read_costs
from batch.ledger.database import Database
from batch.ledger.operators import Operators
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
    currency: str
    loads: list[LoadReport] = field(default_factory=list)
    moved: dict[int, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    preflight: PreflightSummary | None = None
    canaries: tuple[JudgedCanary, ...] = ()
    canary_run: RunSummary | None = None
    canary_followed: ReconcileSummary | None = None
    submitted: RunSummary | None = None
    reconciled: ReconcileSummary | None = None
    costs: Costs | None = None
    trouble: VodBatchError | None = None
    ended_at: datetime | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The code that the night ends with: the most urgent of its parts."""
        codes: list[ExitCode] = []
        if self.trouble:
            codes.append(self.trouble.exit_code)
        if run := self.last_run:
            codes += run.exit_codes
        if self.reconciled:
            codes += self.reconciled.exit_codes
            if not self.reconciled.in_doubt and not self.reconciled.extra_charges:
                # What was in doubt after the last send has been settled since.
                codes = [code for code in codes if code is not ExitCode.DONE_WITH_DOUBTS]
        if self.canary_followed and self.canary_followed.ended.get(State.FAILED):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        if self.failed or (self.preflight and self.preflight.not_there):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        return most_urgent(*codes)

    @property
    def stopped_by(self) -> str:
        """Why the night ended, in a few words."""
        if self.trouble:
            return str(self.trouble)
        return self.last_run.stopped_by.value if self.last_run else "nothing was submitted"

    @property
    def last_run(self) -> RunSummary | None:
        """The worker's last run: of the canaries when the night ended with them."""
        return self.submitted or self.canary_run

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """Every run of the worker."""
        return tuple(run for run in (self.canary_run, self.submitted) if run)


async def run_night(
    held: HeldNight,
    settings: Settings,
    inbox: Inbox,
    watcher: service.Watcher,
    credentials: CredentialSource | None = None,
    *,
    on_start: Callable[[Night], None] = lambda _night: None,
) -> Night:
    """Run one night under the lock that it holds already.

    A part that fails ends the night early and is its ``trouble``; what was done before stands.
    """
    ends_at = service.run_deadline(settings, held.started_at)
    night = Night(held.run, held.started_at, ends_at, settings.currency)
    database, store = held.database, held.store
    on_start(night)
    try:
        await _walk_through(night, settings, inbox, watcher, credentials, database, store)
    except VodBatchError as error:
        night.trouble = error
        log.error("night_stopped", error=str(error))
    finally:
        night.ended_at = datetime.now(UTC)
        await _write_down(night, held.runs, database, store)
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
    canaries, operators = Canaries(database, store.target), Operators(database, store.target)
    warden = CanaryWarden(canaries, operators, settings)
    await _load_inbox(night, settings, inbox, database, store)
    await warden.free_unsent()
    await _look(night, settings, credentials)
    if settings.canary:
        await _send_canaries(night, settings, watcher, credentials, warden)
        if warden.has_freed:
            await _look(night, settings, credentials)
    if _goes_on(night):
        await _submit_the_rest(night, settings, watcher, credentials)
    if night.last_run and night.last_run.stopped_by is not StopReason.SIGNAL:
        follow_until = night.ends_at or datetime.now(UTC) + settings.reconcile_for
        night.reconciled = await service.reconcile(
            settings, once=False, credentials=credentials, ends_at=follow_until
        )


async def _look(night: Night, settings: Settings, credentials: CredentialSource | None) -> None:
    """Look at the media of what is due, where that is wanted; nothing is spent."""
    if settings.preflight:
        looked = await service.preflight(settings, night.started_at, credentials)
        night.preflight = night.preflight + looked if night.preflight else looked


async def _send_canaries(
    night: Night,
    settings: Settings,
    watcher: service.Watcher,
    credentials: CredentialSource | None,
    warden: CanaryWarden,
) -> None:
    """Send each new batch's first submissions, follow them, and judge the batch by them."""

    async def send(unsent: int) -> None:
        most = min(unsent, settings.max_submissions or unsent)
        capped = settings.model_copy(update={"max_submissions": most})
        night.canary_run = await service.submit(
            capped, watcher, credentials, ends_at=night.ends_at, run=night.run
        )

    async def follow(until: datetime, watch: Callable[[], Awaitable[bool]]) -> None:
        if not (night.canary_run and night.canary_run.stopped_by is StopReason.SIGNAL):
            night.canary_followed = await service.reconcile(
                settings, once=False, credentials=credentials, ends_at=until, canary_watch=watch
            )

    night.canaries = await warden.run(send, follow, night.ends_at)


_HARMLESS = (
    StopReason.NOTHING_DUE,
    StopReason.MAX_SUBMISSIONS,
    StopReason.DEADLINE,
    StopReason.BUDGET,
)


def _goes_on(night: Night) -> bool:
    """Tell whether nothing that the canaries met speaks against more calls."""
    return night.canary_run is None or night.canary_run.stopped_by in _HARMLESS


async def _submit_the_rest(
    night: Night,
    settings: Settings,
    watcher: service.Watcher,
    credentials: CredentialSource | None,
) -> None:
    if settings.max_submissions and night.canary_run:
        left = settings.max_submissions - night.canary_run.kept
        if left <= 0:
            return
        settings = settings.model_copy(update={"max_submissions": left})
    night.submitted = await service.submit(
        settings, watcher, credentials, ends_at=night.ends_at, run=night.run
    )


async def _load_inbox(
    night: Night, settings: Settings, inbox: Inbox, database: Database, store: Store
) -> None:
    """Load every whole file; a file that cannot be loaded does not stop the others."""
    arrivals = inbox.arrivals()
    night.waiting = [_name(arrival) for arrival in arrivals if not arrival.is_whole]
    beside = settings.model_copy(update={"quarantine": inbox.folder / DONE})
    for arrival in arrivals:
        if not arrival.is_whole:
            continue
        try:
            report = await load_manifest(database, store.target, str(arrival.path), beside)
        except UsageError as error:
            night.failed[_name(arrival)] = str(error)
            inbox.fail(arrival.path, str(error))
            continue
        night.loads.append(report)
        place = inbox.put_away(arrival)
        if report.counts and place:
            night.moved[report.counts.batch_id] = place


def _name(arrival: Arrival) -> str:
    return printable_name(Path(arrival.path.name))


async def _write_down(night: Night, runs: Runs, database: Database, store: Store) -> None:
    worst = max((run.worst_second for run in night.runs), default=None)
    try:
        night.costs = await read_costs(database, store.target, night.run)
        facts = night_facts(night)
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
        "canaries": [_canary_facts(judged) for judged in night.canaries],
        "canary_run": asdict(night.canary_run) if night.canary_run else None,
        "canary_followed": asdict(night.canary_followed) if night.canary_followed else None,
        "submitted": asdict(night.submitted) if night.submitted else None,
        "reconciled": asdict(night.reconciled) if night.reconciled else None,
        "costs": asdict(night.costs) if night.costs else None,
        "currency": night.currency,
    }


def _canary_facts(judged: JudgedCanary) -> dict[str, object]:
    verdict = judged.verdict.value if judged.verdict else None
    return {**asdict(judged.canary), "verdict": verdict, "tally": judged.tally}
