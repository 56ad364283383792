"""One run of the worker: it is set up, and its result is recorded."""

import asyncio
import contextlib
import functools
import gc
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from batch.core.models import Worker
from batch.core.states import State
from batch.errors import DatabaseUnavailableError, VodBatchError, most_urgent
from batch.ledger.canaries import Canaries
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.existing import ExistingLedger
from batch.ledger.failover import CatchUp
from batch.ledger.first_runs import FirstRuns
from batch.ledger.journal import Journal, LateJournal
from batch.ledger.operators import Operators
from batch.ledger.runs import Runs
from batch.ledger.store import Store
from batch.ledger.unseen import KeptWords
from batch.ledger.word_keeping import unseen_kept
from batch.look.existing import ExistingJobs
from batch.look.first_run import insist_on_known_ledger
from batch.look.looking import JobLooker, Looks
from batch.reconcile.beside import SettlingBeside
from batch.reconcile.run import ACTOR as RECONCILE
from batch.reconcile.settling import settler_for
from batch.session import Session
from batch.stopping import on_signals, stopped_at
from batch.submit.claiming import BeginRules, Claims, let_begin
from batch.submit.gate import Gate, OpenGate
from batch.submit.planning import planner_of
from batch.submit.sending import AttemptReport
from batch.submit.shared_pace import SharedPace
from batch.submit.submitter import Submitter
from batch.submit.tally import RunSummary, StopReason
from batch.vod.client import VodClient
from batch.vod.pace import limiter

_EXISTING = "skip-existing"


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on, if anybody: called as a run begins with what is due and the pace, after every
    request, and every ``seconds`` while it runs.
    """

    started: Callable[[int, SharedPace], None] = lambda _due, _pace: None
    attempted: Callable[[AttemptReport], None] = lambda _report: None
    tell: Callable[[], None] = lambda: None
    seconds: float = 60.0

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Let it tell again and again how far the block is."""
        task = asyncio.create_task(self._tell_forever(), name="progress")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _tell_forever(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            self.tell()


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a worker works with; ``database`` is its own part of the session's."""

    session: Session
    database: Database
    store: Store
    client: VodClient
    worker: Worker
    catch_up: CatchUp
    claims: Claims


async def submit(
    session: Session,
    watcher: Watcher,
    *,
    max_submissions: int | None,
    ends_at: datetime | None = None,
    plan_hash: str | None = None,
    only_canaries: bool = False,
    is_own_run: bool = True,
    may_begin: Callable[[], Awaitable[None]] = let_begin,
) -> RunSummary:
    """Run one worker until nothing is due, ``ends_at`` (UTC) has come, or it is stopped.

    With ``plan_hash`` it begins only if exactly that plan is due, and sends nothing else; with
    ``only_canaries`` it sends nothing but the canaries that are not judged.
    A run of its own is written down as such; what is part of a night is not. ``may_begin`` is asked
    before each begin, and raises when it may not.

    The first SIGTERM or SIGINT drains, the second forces.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow a run.
    """
    await session.credentials.current()
    client = await session.client()
    database = session.database.part(plans_once=True)
    await database.server.know()
    recovered = await session.recover(database)
    plan = await _fixed_plan(session, database, plan_hash, only_canaries=only_canaries)
    desk = _desk(session, database, client, plan, may_begin)
    async with (
        _written_down(desk, is_own=is_own_run) as end,
        unseen_kept(client.unseen, KeptWords(database, session.target)),
        _gate(desk) as gate,
    ):
        await _insist_on_known_ledger(desk)
        summary = await _work(desk, watcher, ends_at, gate, max_submissions)
        charges = await Doubts(database, session.target).extra_charges()
        held = await Operators(database, session.target).count_held()
        summary = replace(
            summary,
            expired=summary.expired + recovered.expired,
            restored=summary.restored + recovered.restored,
            extra_charges=len(charges),
            held=held,
            existing=gate.summary(),
        )
        end(summary)
    return summary


async def _fixed_plan(
    session: Session, database: Database, plan_hash: str | None, *, only_canaries: bool
) -> UUID | None:
    """Fix what alone is to be sent, if it is not all that is due; return what it is fixed as."""
    plan = uuid4()
    if plan_hash:
        await planner_of(session, database).fix(plan_hash, plan)
    elif only_canaries:
        await Canaries(database, session.target).fix(plan)
    else:
        return None
    return plan


def _desk(
    session: Session,
    database: Database,
    client: VodClient,
    plan: UUID | None,
    may_begin: Callable[[], Awaitable[None]],
) -> _Desk:
    settings, spending = session.settings, session.spending
    store = Store(database, session.target)
    worker = Worker(uuid4(), socket.gethostname(), os.getpid())
    silence = settings.heartbeat_timeout.total_seconds()
    catch_up = CatchUp(database, store, worker, settings.journal_path, spending, silence=silence)
    rules = BeginRules(spending, plan, client.access_key_id, may_begin)
    claims = Claims(database, store, worker, rules, catch_up)
    return _Desk(session, database, store, client, worker, catch_up, claims)


@contextlib.asynccontextmanager
async def _gate(desk: _Desk) -> AsyncIterator[Gate]:
    """Yield the gate before each send: a look for jobs that exist already, where it is wanted."""
    settings = desk.session.settings
    mode = settings.skip_existing
    if mode == "never":
        yield OpenGate()
        return
    ledger = ExistingLedger(desk.database, desk.store.target)
    looker = JobLooker(
        ledger,
        desk.client,
        lookup_qps=settings.lookup_qps,
        poll_qps=settings.poll_qps,
    )
    looks = Looks(ledger, looker, are_a_must=mode == "always")
    existing = ExistingJobs(ledger, looks, mode, settings.price_list, _EXISTING)
    async with existing.at_work():
        yield existing


async def _insist_on_known_ledger(desk: _Desk) -> None:
    settings = desk.session.settings
    if settings.plays_by_cloud_rules:
        first = FirstRuns(desk.database, desk.store.target)
        pace = limiter(settings.lookup_qps)
        await insist_on_known_ledger(first, desk.client, pace, settings.ledger_name)


async def _work(
    desk: _Desk,
    watcher: Watcher,
    ends_at: datetime | None,
    gate: Gate,
    max_submissions: int | None,
) -> RunSummary:
    """Be one worker from its first heartbeat to its last."""
    session, settings, store = desk.session, desk.session.settings, desk.store
    counts = await store.count_states()
    journal = Journal(settings.journal_path, desk.worker.id, session.target)
    await store.beat(desk.worker)
    pace = SharedPace(settings.qps, store.take_slots, settings.concurrency)
    submitter = Submitter(
        desk.claims,
        journal,
        desk.client,
        pace,
        settings,
        f"submit {desk.worker.id}",
        dice=session.dice,
        max_submissions=max_submissions,
        gate=gate,
        watch=watcher.attempted,
    )
    replays = LateJournal(settings.journal_path, session.target)
    settler = settler_for(
        settings, desk.database, session.target, desk.client, pace, replays, RECONCILE
    )
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
            async with stopped_at(ends_at, at_deadline), beside.running(), watcher.telling():
                summary = await submitter.run()
        if desk.claims.are_settled:
            session.recorded.add(desk.worker.id)
        return summary
    finally:
        desk.database.hurry(settings.grace.total_seconds())
        # Away or not, the worker ends: a heartbeat that stops says so too.
        with contextlib.suppress(VodBatchError):
            await store.end_worker(desk.worker.id)
            await desk.catch_up.remember()
        journal.close()
        replays.close()


@contextlib.asynccontextmanager
async def _written_down(
    desk: _Desk, *, is_own: bool
) -> AsyncIterator[Callable[[RunSummary], None]]:
    """Keep a submit of its own among the runs; the block hands over its result."""
    summaries: list[RunSummary] = []
    if not is_own:
        yield summaries.append
        return
    settings, run = desk.session.settings, desk.session.run
    await desk.session.keep_terms()
    runs = Runs(desk.database, desk.store.target)
    await runs.close_lost(settings.heartbeat_timeout.total_seconds(), has_lock=False)
    await runs.start(run, "submit", socket.gethostname(), os.getpid(), settings.shown)
    try:
        yield summaries.append
    except VodBatchError as error:
        desk.database.hurry(settings.grace.total_seconds())  # it may be what was waited for
        with contextlib.suppress(DatabaseUnavailableError):
            await runs.end(run, str(error), error.exit_code, None, {})
        raise
    for done in summaries:
        code = most_urgent(*done.exit_codes)
        facts = asdict(done)
        await runs.end(run, done.stopped_by.value, code, done.worst_second, facts)
