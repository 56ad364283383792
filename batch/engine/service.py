"""Where the parts are wired together: one function a command."""

import contextlib
import functools
import gc
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from batch.core.budget import Spending
from batch.core.deadline import deadline, find_zone
from batch.core.models import Worker
from batch.core.states import State
from batch.engine.beside import SettlingBeside
from batch.engine.existing import ExistingJobs
from batch.ledger.failover import CatchUp
from batch.engine.first_run import insist_on_known_ledger
from batch.engine.gate import Gate, OpenGate
from batch.engine.ledger_link import LedgerLink, let_begin
from batch.ledger.lineage import Standing, check_place, insist_on_lineage
from batch.engine.looking import JobLooker, Looks
from batch.engine.pace import Pace
from batch.engine.planning import Plan, Planner
from batch.engine.preflight import Preflight, PreflightSummary
from batch.engine.reconciler import Reconciler, ReconcileSummary
from batch.ledger.recovery import replay_journals
from batch.engine.settling import settler_for
from batch.engine.shared_pace import SharedPace, shared_rate
from batch.engine.stopping import on_signals, stopped_at
from batch.engine.submitter import AttemptReport, SubmitLimits, Submitter
from batch.engine.tally import RunSummary, StopReason
from batch.engine.word_keeping import unseen_kept
from batch.errors import DatabaseUnavailableError, VodBatchError, most_urgent
from batch.ledger.canaries import Canaries
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.existing import ExistingLedger
from batch.ledger.first_runs import FirstRuns
from batch.ledger.journal import Journal, LateJournal
from batch.ledger.media import MediaLooks
from batch.ledger.opening import open_ledger
from batch.ledger.operators import Operators
from batch.ledger.runs import Runs
from batch.ledger.store import Store
from batch.ledger.unseen import KeptWords
from batch.settings import Settings
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.transport import Timeouts

_RECONCILE = "reconcile"
_RECOVERY = "recovery"
_PREFLIGHT = "preflight"
_EXISTING = "skip-existing"
_LOOKS_BESIDE = 8
"""Connections beyond one a sender: who looks does not wait for those that wait for their slot."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on: called as a run begins, after every request, and now and then with the pace."""

    started: Callable[[int, SharedPace], None]
    attempted: Callable[[AttemptReport], None]


async def submit(
    settings: Settings,
    watcher: Watcher,
    credentials: CredentialSource | None = None,
    *,
    ends_at: datetime | None = None,
    plan_hash: str | None = None,
    only_canaries: bool = False,
    run: UUID | None = None,
    may_begin: Callable[[], Awaitable[None]] = let_begin,
) -> RunSummary:
    """Run one worker until nothing is due, ``ends_at`` (UTC) has come, or it is told to stop.

    With ``plan_hash`` it begins only if exactly that plan is due, and sends nothing else; with
    ``only_canaries`` it sends nothing but the canaries that are not judged.
    ``run`` is the night that this is a part of; without one it is a run of its own, and written
    down as such. ``may_begin`` is asked before each begin, and raises when it may not.

    The first SIGTERM or SIGINT drains, the second forces.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow a run.
    """
    source = credentials or CredentialSource()
    await source.current()
    async with (
        open_ledger(settings, plans_once=True) as (database, store),
        cloud_client(settings, source) as client,
    ):
        await database.know_server()
        standing = await check_place(database, settings.journal_path)
        await store.bind_service(settings.counterpart)
        spending = settings.spending(run or uuid4())
        silence = settings.heartbeat_timeout.total_seconds()
        expired = await store.expire(silence, _RECOVERY)
        restored = await _recover(settings, database, store, spending, standing)
        plan = uuid4() if plan_hash or only_canaries else None
        if plan and plan_hash:
            await _planner(settings, database, store).fix(plan_hash, plan)
        elif plan:
            await Canaries(database, store.target).fix(plan)
        worker = Worker(uuid4(), socket.gethostname(), os.getpid())
        folder = settings.journal_path
        catch_up = CatchUp(database, store, worker, folder, spending, silence=silence)
        link = _link(
            settings, store, worker, spending, catch_up, client, plan=plan, may_begin=may_begin
        )
        runs = Runs(database, store.target)
        async with (
            _written_down(settings, runs, link, spending.run, is_own=not run) as end,
            unseen_kept(client.unseen, KeptWords(database, store.target)),
            _gate(settings, ExistingLedger(database, store.target), link, client) as gate,
        ):
            if settings.plays_by_cloud_rules:
                first = FirstRuns(database, store.target)
                pace = Pace(settings.lookup_qps)
                await insist_on_known_ledger(first, client, pace, settings.ledger_name)
            summary = await _work(
                settings, database, store, worker, catch_up, link, client, watcher, ends_at, gate
            )
            charges = await link.patiently(Doubts(database, store.target).extra_charges)
            held = await link.patiently(Operators(database, store.target).count_held)
            summary = replace(
                summary,
                expired=summary.expired + len(expired),
                restored=summary.restored + restored,
                extra_charges=len(charges),
                held=held,
                existing=gate.summary(),
            )
            end(summary)
    return summary


async def _recover(
    settings: Settings, database: Database, store: Store, spending: Spending, standing: Standing
) -> int:
    """Read the journals in, and stop where more is missing; return how many rows were touched."""
    folder = settings.journal_path
    replayed = await replay_journals(database, store.target, folder, spending)
    await insist_on_lineage(database, store.target, folder, standing, replayed.forgotten)
    return replayed.touched


def _link(
    settings: Settings,
    store: Store,
    worker: Worker,
    spending: Spending,
    catch_up: CatchUp,
    client: VodClient,
    *,
    plan: UUID | None,
    may_begin: Callable[[], Awaitable[None]],
) -> LedgerLink:
    return LedgerLink(
        store,
        worker,
        spending,
        catch_up,
        patience=settings.database_patience.total_seconds(),
        dice=random.SystemRandom(),
        plan=plan,
        key_id=client.access_key_id,
        may_begin=may_begin,
    )


@contextlib.asynccontextmanager
async def _gate(
    settings: Settings, ledger: ExistingLedger, link: LedgerLink, client: VodClient
) -> AsyncIterator[Gate]:
    """Lend what stands before a send: a look for jobs that exist already, where it is wanted."""
    if settings.skip_existing == "never":
        yield OpenGate()
        return
    looker = JobLooker(
        ledger,
        client,
        link.patiently,
        lookup_qps=settings.lookup_qps,
        poll_qps=settings.poll_qps,
    )
    mode = settings.skip_existing
    looks = Looks(ledger, looker, link.patiently, are_a_must=mode == "always")
    existing = ExistingJobs(ledger, looks, mode, settings.price_list, _EXISTING, link.patiently)
    async with existing.at_work():
        yield existing


async def _work(
    settings: Settings,
    database: Database,
    store: Store,
    worker: Worker,
    catch_up: CatchUp,
    link: LedgerLink,
    client: VodClient,
    watcher: Watcher,
    ends_at: datetime | None,
    gate: Gate,
) -> RunSummary:
    """Be one worker from its first heartbeat to its last."""
    counts = await store.count_states()
    journal = Journal(settings.journal_path, worker.id, store.target)
    await store.beat(worker)
    pace = SharedPace(settings.qps, link.reserve)
    submitter = Submitter(
        link,
        journal,
        client,
        pace,
        _limits(settings),
        f"submit {worker.id}",
        dice=random.SystemRandom(),
        gate=gate,
        watch=watcher.attempted,
    )
    replays = LateJournal(settings.journal_path, store.target)
    settler = settler_for(settings, database, store.target, client, pace, replays, _RECONCILE)
    beside = SettlingBeside(settler, settings.settle_every, settings.grace)

    def stop(reason: StopReason) -> None:
        beside.stop()
        submitter.stop(reason)

    def force() -> None:
        beside.force()
        submitter.force()

    watcher.started(counts[State.PENDING], pace)
    gc.freeze()  # what is loaded by now stays: the collector need not walk it through all night
    try:
        at_signal = functools.partial(stop, StopReason.SIGNAL)
        at_deadline = functools.partial(stop, StopReason.DEADLINE)
        with on_signals(at_signal, force):
            async with stopped_at(ends_at, at_deadline), beside.running():
                return await submitter.run()
    finally:
        # Away or not, the worker ends: a heartbeat that stops says so too.
        with contextlib.suppress(VodBatchError):
            await store.end_worker(worker.id)
            await catch_up.remember()
        journal.close()
        replays.close()


@contextlib.asynccontextmanager
async def _written_down(
    settings: Settings, runs: Runs, link: LedgerLink, run: UUID, *, is_own: bool
) -> AsyncIterator[Callable[[RunSummary], None]]:
    """Keep a submit of its own among the runs; the block hands over what it came to."""
    summaries: list[RunSummary] = []
    if not is_own:
        yield summaries.append
        return
    await runs.close_lost(settings.heartbeat_timeout.total_seconds(), has_lock=False)
    await runs.start(run, "submit", socket.gethostname(), os.getpid(), settings.shown)
    try:
        yield summaries.append
    except VodBatchError as error:
        with contextlib.suppress(DatabaseUnavailableError):
            await runs.end(run, str(error), error.exit_code, None, {})
        raise
    for done in summaries:
        code = most_urgent(*done.exit_codes)
        facts = asdict(done)
        end = functools.partial(
            runs.end, run, done.stopped_by.value, code, done.worst_second, facts
        )
        await link.patiently(end)


async def reconcile(
    settings: Settings,
    *,
    once: bool,
    credentials: CredentialSource | None = None,
    ends_at: datetime | None = None,
    canary_watch: Callable[[], Awaitable[bool]] | None = None,
) -> ReconcileSummary:
    """Settle doubts and follow jobs, ``once``, or until nothing is open or ``ends_at`` (UTC).

    With ``canary_watch`` only canaries are followed, until it says that they are judged.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow it.
    """
    source = credentials or CredentialSource()
    await source.current()
    async with open_ledger(settings) as (database, store), cloud_client(settings, source) as client:
        standing = await check_place(database, settings.journal_path)
        await store.bind_service(settings.counterpart)
        await store.expire(settings.heartbeat_timeout.total_seconds(), _RECOVERY)
        spending = settings.spending(uuid4())
        await _recover(settings, database, store, spending, standing)
        await store.expire(settings.heartbeat_timeout.total_seconds(), _RECOVERY)
        await store.adopt_strays(_RECOVERY)
        doubts = Doubts(database, store.target)
        pace = SharedPace(settings.qps, store.reserve)
        journal = LateJournal(settings.journal_path, store.target)
        settler = settler_for(settings, database, store.target, client, pace, journal, _RECONCILE)
        reconciler = Reconciler(
            doubts, settler, client, Pace(settings.poll_qps), _RECONCILE, canary_watch
        )
        words = unseen_kept(client.unseen, KeptWords(database, store.target))
        grace = settings.grace.total_seconds()
        stop = _both(reconciler.stop, database, grace)
        interrupt = _both(reconciler.interrupt, database, grace)
        force = _both(reconciler.force, database, 0)
        with contextlib.closing(journal), on_signals(interrupt, force):
            async with words, stopped_at(ends_at, stop):
                summary = await reconciler.run(once=once)
        charges = await doubts.extra_charges()
        return replace(summary, extra_charges=len(charges))


def _both(act: Callable[[], None], database: Database, seconds: float) -> Callable[[], None]:
    """Return what acts, and lets nothing wait for the database longer than ``seconds`` in all."""

    def both() -> None:
        database.hurry(seconds)
        act()

    return both


async def preflight(
    settings: Settings,
    since: datetime,
    credentials: CredentialSource | None = None,
    *,
    ends_at: datetime | None = None,
) -> PreflightSummary:
    """Look at the media of due rows that no look was taken at ``since``; nothing is spent.

    After ``ends_at`` (UTC) the database has the grace, and no more, for all that is asked.

    Raises:
        VodBatchError: the ledger or the credentials do not allow it.
    """
    source = credentials or CredentialSource()
    async with open_ledger(settings) as (database, store), cloud_client(settings, source) as client:
        looks = MediaLooks(database, store.target)
        pace = Pace(settings.preflight_qps)
        look = Preflight(looks, client, pace, settings.price_list, _PREFLIGHT)
        hurry = functools.partial(database.hurry, settings.grace.total_seconds())
        words = unseen_kept(client.unseen, KeptWords(database, store.target))
        async with words, stopped_at(ends_at, hurry):
            return await look.run(since)


async def plan(settings: Settings) -> Plan:
    """Say what a submit would send now, how long it takes and what it may cost.

    Raises:
        VodBatchError: the ledger does not allow it.
    """
    async with open_ledger(settings) as (database, store):
        return await _planner(settings, database, store).plan()


def _planner(settings: Settings, database: Database, store: Store) -> Planner:
    return Planner(
        database,
        store.target,
        settings.price_list,
        rate=shared_rate(settings.qps),
        longest=settings.longest_seconds,
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
    return VodClient(
        settings.url,
        source,
        timeouts=timeouts,
        pool_size=settings.concurrency + _LOOKS_BESIDE,
        keepalive=settings.keepalive.total_seconds(),
    )


def _limits(settings: Settings) -> SubmitLimits:
    return SubmitLimits(
        concurrency=settings.concurrency,
        max_submissions=settings.max_submissions,
        max_attempts=settings.max_attempts,
        grace=settings.grace.total_seconds(),
        unreachable_after=settings.unreachable_after.total_seconds(),
        throttled_after=settings.throttled_after.total_seconds(),
        doubt_limit=settings.doubt_limit,
        doubt_percent=settings.doubt_percent,
        doubt_window=settings.doubt_window,
        guard_percent=settings.guard_percent,
        guard_window=settings.guard_window,
        heartbeat_timeout=settings.heartbeat_timeout.total_seconds(),
    )
