"""One night: load what came, look before paying, submit, reconcile, report; one at a time."""

import asyncio
import functools
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from batch.errors import UsageError, VodBatchError
from batch.intake.sources import printable_name
from batch.ledger.canaries import Canaries
from batch.ledger.costs import read_costs
from batch.ledger.loading import ListRefusedError, load_manifest
from batch.ledger.operators import Operators
from batch.ledger.store import Store
from batch.ledger.unseen import KeptWords
from batch.look.preflight import preflight
from batch.night.canary import CanaryWarden
from batch.night.inbox import DONE, Arrival, Inbox
from batch.night.night import Night, night_facts
from batch.night.night_lock import LockedNight
from batch.night.phases import (
    canary_figures,
    load_figures,
    look_figures,
    phase,
    reconcile_figures,
    submit_figures,
)
from batch.night.shift import Watcher, submit
from batch.reconcile.run import reconcile
from batch.session import Session
from batch.stopping import on_signals, stopped_at
from batch.submit.budget_watch import shown_uses
from batch.submit.tally import RunSummary, StopReason
from batch.waiting import or_cancelled

log = structlog.get_logger()


async def run_night(
    locked: LockedNight,
    inbox: Inbox,
    watcher: Watcher,
) -> Night:
    """Run one night under the lock that it holds already.

    A part that fails ends the night early and is its ``trouble``; what was done before stays done.
    """
    session = locked.session
    night = _begun(session, inbox)
    grace = session.settings.grace.total_seconds()
    hurry = functools.partial(session.database.hurry, grace)
    steps = _Steps(night, locked, inbox, watcher)
    try:
        with on_signals(steps.stop, functools.partial(session.database.hurry, 0)):
            async with stopped_at(session.ends_at, hurry):
                await steps.walk()
    except VodBatchError as error:
        night.trouble = error
        log.error("night_stopped", error=str(error))
    finally:
        night.ended_at = datetime.now(UTC)
        hurry()  # what is left to write is little
        await _write_down(night, locked)
    return night


def _begun(session: Session, inbox: Inbox) -> Night:
    """Return the night of which nothing is done yet."""
    settings = session.settings
    return Night(
        session.run,
        session.started_at,
        session.ends_at,
        settings.currency,
        settings.account,
        settings.region,
        printable_name(inbox.folder.absolute()),
    )


_HARMLESS = (
    StopReason.NOTHING_DUE,
    StopReason.MAX_SUBMISSIONS,
    StopReason.DEADLINE,
    StopReason.BUDGET,
)


class _Steps:
    """The steps of one night, each of which leaves its result on the night."""

    def __init__(self, night: Night, locked: LockedNight, inbox: Inbox, watcher: Watcher) -> None:
        self._night = night
        self._lock = locked.lock
        self._session = session = locked.session
        self._settings = session.settings
        self._inbox = inbox
        self._watcher = watcher
        self._warden = CanaryWarden(
            Canaries(session.database, session.target),
            Operators(session.database, session.target),
            session.settings,
        )
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing more: a signal has come. What sends and follows hears it too."""
        self._night.is_told_to_stop = True
        self._stopping.set()

    async def walk(self) -> None:
        """Take every step that the one before allows; loads and looks end with the night."""
        async with stopped_at(self._night.ends_at, self._stopping.set):
            with phase("load") as figures:
                await self._load_inbox()
                figures.update(load_figures(self._night))
            await self._warden.free_unsent()
            await self._look()
        if self._settings.canary and not self._night.was_told_to_stop:
            await self._send_canaries()
        if self._goes_on:
            await self._submit_the_rest()
        if not self._night.was_told_to_stop:
            await self._reconcile()

    async def _load_inbox(self) -> None:
        """Load every whole file; a file that cannot be loaded does not stop the others."""
        arrivals = self._inbox.arrivals()
        self._night.not_taken = self._inbox.not_taken()
        self._night.waiting = [_name(arrival) for arrival in arrivals if not arrival.is_whole]
        for arrival in [arrival for arrival in arrivals if arrival.is_whole]:
            if self._stopping.is_set() or not await self._load(arrival):
                self._night.not_reached.append(_name(arrival))
        came = self._night.loads or self._night.failed or self._night.not_reached
        self._night.is_list_missing = self._settings.expect_list and not came

    async def _load(self, arrival: Arrival) -> bool:
        """Load one file; say no where the night ended meanwhile: it stays for the next one."""
        beside = self._settings.model_copy(update={"quarantine": self._inbox.folder / DONE})
        try:
            database, target = self._session.database, self._session.target
            load = load_manifest(database, target, str(arrival.path), beside)
            report = await or_cancelled(self._stopping, load)
        except UsageError as error:
            kept = error.kept if isinstance(error, ListRefusedError) else None
            self._night.failed[_name(arrival)] = str(error)
            self._inbox.fail(arrival.path, str(error), kept)
            return True
        if report is None:
            return False
        self._night.loads.append(report)
        place = self._inbox.put_away(arrival)
        if place is None:
            log.warning("list_changed_while_it_was_loaded", list=_name(arrival))
        elif report.counts:
            self._night.moved[report.counts.batch_id] = place
        return True

    async def _look(self) -> None:
        """Look at the media of what is due, where that is wanted; nothing is spent."""
        night = self._night
        if self._settings.preflight:
            with phase("look") as figures:
                looked = await preflight(
                    self._session,
                    night.started_at,
                    ends_at=night.ends_at,
                    stopping=self._stopping,
                    most=self._most_sent,
                )
                figures.update(look_figures(looked))
            night.preflight = night.preflight + looked if night.preflight else looked

    @property
    def _most_sent(self) -> int | None:
        """How many media can be sent before the night ends; ``None`` without an end."""
        most = [self._settings.max_submissions] if self._settings.max_submissions else []
        if self._night.ends_at:
            left = (self._night.ends_at - datetime.now(UTC)).total_seconds()
            most.append(math.ceil(max(0.0, left) * self._settings.qps))
        return min(most, default=None)

    async def _send_canaries(self) -> None:
        """Send each new batch's first submissions, follow them, and judge the batch by them."""
        with phase("canary") as figures:
            self._night.canaries = await self._warden.run(
                self._send_first, self._follow_first, self._night.ends_at
            )
            figures.update(canary_figures(self._night.canaries))
        if self._warden.has_freed:
            await self._look()

    async def _send_first(self, unsent: int) -> None:
        most = min(unsent, self._settings.max_submissions or unsent)
        self._night.canary_run = await self._submit(most, only_canaries=True)

    async def _follow_first(self, until: datetime, watch: Callable[[], Awaitable[bool]]) -> None:
        if not self._night.was_told_to_stop:
            self._night.canary_followed = await reconcile(
                self._session, once=False, ends_at=until, canary_watch=watch
            )

    @property
    def _goes_on(self) -> bool:
        """Whether nothing that the canaries met speaks against more calls."""
        first = self._night.canary_run
        is_well = first is None or first.stopped_by in _HARMLESS
        return is_well and not self._night.was_told_to_stop

    async def _submit_the_rest(self) -> None:
        """Submit what is due; a cap on submissions is the whole night's."""
        left = self._settings.max_submissions
        if left and self._night.canary_run:
            left -= self._night.canary_run.kept
            if left <= 0:
                return
        with phase("submit") as figures:
            self._night.submitted = await self._submit(left)
            figures.update(submit_figures(self._night.submitted))

    async def _submit(self, most: int | None, *, only_canaries: bool = False) -> RunSummary:
        return await submit(
            self._session,
            self._watcher,
            max_submissions=most,
            ends_at=self._night.ends_at,
            only_canaries=only_canaries,
            is_own_run=False,
            may_begin=self._lock.insist,
        )

    async def _reconcile(self) -> None:
        """Settle doubts and follow jobs, as long as the night lasts."""
        await self._lock.insist()
        patience = datetime.now(UTC) + self._settings.reconcile_for
        with phase("reconcile") as figures:
            self._night.reconciled = await reconcile(
                self._session, once=False, ends_at=self._night.ends_at or patience
            )
            figures.update(reconcile_figures(self._night.reconciled))


def _name(arrival: Arrival) -> str:
    return printable_name(Path(arrival.path.name))


async def _write_down(night: Night, locked: LockedNight) -> None:
    worst = max((run.worst_second for run in night.runs), default=None)
    try:
        database, target = locked.session.database, locked.session.target
        night.costs = await read_costs(database, target, night.run)
        night.budgets = await shown_uses(Store(database, target), locked.session.spending)
        night.unseen = await KeptWords(database, target).newest(night.run)
        facts = night_facts(night)
        await locked.runs.end(night.run, night.stopped_by, night.exit_code, worst, facts)
    except VodBatchError as error:
        night.trouble = night.trouble or error
