"""Where the parts are wired together: one function a command."""

import asyncio
import contextlib
import functools
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import uuid4

from batch.core.deadline import deadline, find_zone
from batch.core.states import State
from batch.engine.ledger_link import LedgerLink
from batch.engine.pace import Pace
from batch.engine.planning import Plan, make_plan
from batch.engine.preflight import Preflight, PreflightSummary
from batch.engine.reconciler import Reconciler, ReconcileSummary
from batch.engine.recovery import replay_journals
from batch.engine.settling import Settler
from batch.engine.shared_pace import SharedPace, shared_rate
from batch.engine.submitter import AttemptReport, SubmitLimits, Submitter
from batch.engine.tally import RunSummary, StopReason
from batch.errors import DatabaseUnavailableError, UsageError
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.journal import Journal
from batch.ledger.media import MediaLooks
from batch.ledger.operators import Operators
from batch.ledger.store import Store
from batch.settings import Settings, is_loopback_host
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.transport import Timeouts

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_RECONCILE = "reconcile"
_RECOVERY = "recovery"
_PREFLIGHT = "preflight"
_LONGEST_NAP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on: called as a run begins, after every request, and now and then with the pace."""

    started: Callable[[int, SharedPace], None]
    attempted: Callable[[AttemptReport], None]


@contextlib.asynccontextmanager
async def open_ledger(settings: Settings) -> AsyncIterator[tuple[Database, Store]]:
    """Open the database and the store of the settings' target.

    Raises:
        VodBatchError: with what to do.
    """
    database = await Database.open(settings)
    try:
        yield database, await Store.open(database, settings.account, settings.region)
    finally:
        await database.close()


async def submit(
    settings: Settings,
    watcher: Watcher,
    credentials: CredentialSource | None = None,
    *,
    ends_at: datetime | None = None,
    plan_hash: str | None = None,
) -> RunSummary:
    """Run one worker until nothing is due, ``ends_at`` (UTC) has come, or it is told to stop.

    With ``plan_hash`` it begins only if exactly that plan is due.

    The first SIGTERM or SIGINT drains, the second forces.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow a run.
    """
    source = credentials or CredentialSource()
    await source.current()
    async with open_ledger(settings) as (database, store), cloud_client(settings, source) as client:
        await store.bind_service(settings.service)
        expired = await store.expire(settings.heartbeat_timeout.total_seconds(), _RECOVERY)
        await replay_journals(database, store.target, settings.journal_path)
        if plan_hash:
            await _insist_on_plan(settings, database, store, plan_hash)
        counts = await store.count_states()
        worker = uuid4()
        journal = Journal(settings.journal_path, worker, store.target)
        await store.start_worker(worker, socket.gethostname(), os.getpid())
        dice = random.SystemRandom()
        link = LedgerLink(store, patience=settings.database_patience.total_seconds(), dice=dice)
        pace = SharedPace(settings.qps, link.reserve)
        submitter = Submitter(
            link,
            journal,
            client,
            pace,
            _limits(settings),
            worker,
            dice=dice,
            watch=watcher.attempted,
        )
        watcher.started(counts[State.PENDING], pace)
        try:
            stop = functools.partial(submitter.stop, StopReason.SIGNAL)
            at_deadline = functools.partial(submitter.stop, StopReason.DEADLINE)
            with _on_signals(stop, submitter.force):
                async with _stopped_at(ends_at, at_deadline):
                    summary = await submitter.run()
        finally:
            # Away or not, the worker ends: a heartbeat that stops says so too.
            with contextlib.suppress(DatabaseUnavailableError):
                await store.end_worker(worker)
            journal.close()
        charges = await Doubts(database, store.target).extra_charges()
        held = await Operators(database, store.target).count_held()
        return replace(
            summary,
            expired=summary.expired + len(expired),
            extra_charges=len(charges),
            held=held,
        )


async def reconcile(
    settings: Settings,
    *,
    once: bool,
    credentials: CredentialSource | None = None,
    ends_at: datetime | None = None,
) -> ReconcileSummary:
    """Settle doubts and follow jobs, ``once``, or until nothing is open or ``ends_at`` (UTC).

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow it.
    """
    source = credentials or CredentialSource()
    await source.current()
    async with open_ledger(settings) as (database, store), cloud_client(settings, source) as client:
        await store.bind_service(settings.service)
        await store.expire(settings.heartbeat_timeout.total_seconds(), _RECOVERY)
        await replay_journals(database, store.target, settings.journal_path)
        await store.expire(settings.heartbeat_timeout.total_seconds(), _RECOVERY)
        doubts = Doubts(database, store.target)
        settler = Settler(
            doubts,
            client,
            SharedPace(settings.qps, store.reserve),
            Pace(settings.lookup_qps),
            settings.settle,
            _RECONCILE,
            needs_witness=not is_loopback_host(urlsplit(settings.url).hostname or ""),
        )
        reconciler = Reconciler(doubts, settler, client, Pace(settings.poll_qps), _RECONCILE)
        with _on_signals(reconciler.stop, reconciler.stop):
            async with _stopped_at(ends_at, reconciler.stop):
                summary = await reconciler.run(once=once)
        charges = await doubts.extra_charges()
        return replace(summary, extra_charges=len(charges))


async def preflight(
    settings: Settings, since: datetime, credentials: CredentialSource | None = None
) -> PreflightSummary:
    """Look at the media of due rows that no look was taken at ``since``; nothing is spent.

    Raises:
        VodBatchError: the ledger or the credentials do not allow it.
    """
    source = credentials or CredentialSource()
    async with open_ledger(settings) as (database, store), cloud_client(settings, source) as client:
        looks = MediaLooks(database, store.target)
        return await Preflight(looks, client, Pace(settings.preflight_qps), _PREFLIGHT).run(since)


async def plan(settings: Settings) -> Plan:
    """Say what a submit would send now, how long it takes and what it may cost.

    Raises:
        VodBatchError: the ledger does not allow it.
    """
    async with open_ledger(settings) as (database, store):
        return await _plan(settings, database, store)


async def _plan(settings: Settings, database: Database, store: Store) -> Plan:
    longest = Decimal(settings.longest.total_seconds()) if settings.longest else None
    rate = shared_rate(settings.qps)
    return await make_plan(database, store.target, settings.price_list, rate=rate, longest=longest)


async def _insist_on_plan(
    settings: Settings, database: Database, store: Store, wanted: str
) -> None:
    found = await _plan(settings, database, store)
    if found.hash != wanted:
        raise UsageError(
            f"what is due is no longer plan {wanted} but plan {found.hash}; nothing was sent: "
            "look again with vod-batch plan"
        )


def run_deadline(settings: Settings, now: datetime) -> datetime | None:
    """Return when a run that begins ``now`` must stop (UTC), if its settings say so."""
    return deadline(now, settings.until, find_zone(settings.timezone), settings.max_duration)


def cloud_client(settings: Settings, source: CredentialSource) -> VodClient:
    """Return the client of the settings' endpoint, not yet opened."""
    timeouts = Timeouts(
        connect=settings.connect_timeout.total_seconds(),
        read=settings.read_timeout.total_seconds(),
        total=settings.total_timeout.total_seconds(),
    )
    return VodClient(settings.url, source, timeouts=timeouts, pool_size=settings.concurrency)


def _limits(settings: Settings) -> SubmitLimits:
    return SubmitLimits(
        concurrency=settings.concurrency,
        max_submissions=settings.max_submissions,
        max_attempts=settings.max_attempts,
        grace=settings.grace.total_seconds(),
        unreachable_after=settings.unreachable_after.total_seconds(),
        doubt_limit=settings.doubt_limit,
        guard_percent=settings.guard_percent,
        guard_window=settings.guard_window,
        heartbeat_timeout=settings.heartbeat_timeout.total_seconds(),
    )


@contextlib.asynccontextmanager
async def _stopped_at(ends_at: datetime | None, stop: Callable[[], None]) -> AsyncIterator[None]:
    """Call ``stop`` at a moment, by the wall clock or by the time that went by: what comes first.

    A clock that is set while we run then makes a run end early at worst.
    """
    if ends_at is None:
        yield
        return
    task = asyncio.create_task(_stop_at(ends_at, stop), name="deadline")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _stop_at(ends_at: datetime, stop: Callable[[], None]) -> None:
    latest = time.monotonic() + (ends_at - datetime.now(UTC)).total_seconds()
    while True:
        by_the_wall = (ends_at - datetime.now(UTC)).total_seconds()
        remaining = min(by_the_wall, latest - time.monotonic())
        if remaining <= 0:
            stop()
            return
        await asyncio.sleep(min(remaining, _LONGEST_NAP_SECONDS))


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None], force: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGTERM or SIGINT, ``force`` at each further one."""
    loop = asyncio.get_running_loop()
    actions = [stop]

    def act() -> None:
        action = actions.pop() if actions else force
        action()

    for number in _SIGNALS:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
