"""The worker: permits, begin, call, judge, record (``design.md`` 4).

A request is sent only after its intent is committed, and a sender takes the next one only after the
outcome of the last is durable. A crash therefore leaves in doubt at most ``concurrency`` requests.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from batch.core.blame import ENOUGH_PASSED, blame
from batch.core.models import Claim
from batch.core.outcome import Accepted, AccountStopped, InDoubt, NotSent, Outcome
from batch.core.states import State
from batch.core.verdict import Verdict, judge
from batch.errors import DatabaseUnavailableError, VodBatchError
from batch.ledger.journal import Journal
from batch.ledger.store import Outlook
from batch.submit.brake import Brake
from batch.submit.budget_watch import BudgetWatch
from batch.submit.claiming import Claims
from batch.submit.departing import SlotDeparture
from batch.submit.gate import Gate, OpenGate
from batch.submit.group_commit import GroupCommit
from batch.submit.shared_pace import SharedPace
from batch.submit.suspicion import SPREAD_PROBES, Suspicion
from batch.submit.tally import DoubtGuard, FailureGuard, RunSummary, StopReason, Tally
from batch.vod.connector import Departure
from batch.waiting import sleep_unless, unless

_LONGEST_IDLE_SECONDS = 2.0
# A row waits for its own backoff a minute at the most; what is put off longer is a later run's.
_NEAR_SECONDS = 120.0
_BEATS_PER_TIMEOUT = 5
_NOT_JOURNALED = "held back: the journal cannot be written"

log = structlog.get_logger()


class Sender(Protocol):
    """What sends a claim and says what came of it: :class:`batch.vod.client.VodClient`."""

    async def submit(self, claim: Claim, departure: Departure) -> Outcome:
        """Send the claim's request once, at its departure."""


@dataclass(frozen=True, slots=True)
class SubmitLimits:
    """Bounds of one run; times in seconds."""

    concurrency: int
    max_submissions: int | None
    max_attempts: int
    grace: float
    unreachable_after: float
    throttled_after: float
    doubt_limit: int
    doubt_percent: float
    doubt_window: int
    guard_percent: float
    guard_window: int
    heartbeat_timeout: float


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """One request's end, for whoever watches the run. ``seconds`` from begin to answer."""

    claim: Claim
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    seconds: float


class Submitter:
    """One run of one worker."""

    def __init__(
        self,
        claims: Claims,
        journal: Journal,
        sender: Sender,
        pace: SharedPace,
        limits: SubmitLimits,
        actor: str,
        *,
        dice: random.Random,
        gate: Gate = OpenGate(),  # noqa: B008 - it keeps nothing
        watch: Callable[[AttemptReport], None] = lambda _report: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claims = claims
        self._store = claims.store
        self._hurry = claims.database.hurry
        self._budgets = BudgetWatch(claims.store, claims.rules)
        self._journal = journal
        self._sender = sender
        self._pace = pace
        self._limits = limits
        self._dice = dice
        self._brake = Brake(limits.throttled_after, clock, dice)
        self._suspicion = Suspicion()
        self._probe_from: list[int] = []
        self._gate = gate
        self._watch = watch
        self._clock = clock
        self._actor = actor
        guard = FailureGuard(limits.guard_percent, limits.guard_window)
        doubts = DoubtGuard(limits.doubt_limit, limits.doubt_percent, limits.doubt_window)
        self._tally = Tally(limits.unreachable_after, doubts, clock, guard)
        self._recorder = GroupCommit(self._commit, key=lambda verdict: verdict.submission_id)
        self._journaling = GroupCommit[bytes](self._append)
        self._in_flight: dict[asyncio.Task[None], Claim] = {}
        self._spare_permits = 0
        self._sender_freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped_by: StopReason | None = None
        self._drained_by: float | None = None
        self._failure: BaseException | None = None
        self._expired = 0
        self._obstacle: str | None = None

    def stop(self, reason: StopReason) -> None:
        """Take no more work; finish and record what is on the wire. The first reason stays."""
        if self._stopped_by is None:
            self._stopped_by = reason
        self._end()

    def force(self) -> None:
        """Wait for no answer: what is on the wire is recorded as in doubt."""
        self.stop(StopReason.SIGNAL)
        self._hurry(0)
        for task in self._in_flight:
            task.cancel()

    async def run(self) -> RunSummary:
        """Submit until nothing is due, or until told to stop.

        Raises:
            VodBatchError: the ledger or the credentials failed; what was on the wire is recorded
                first, as far as the ledger lets it.
        """
        started = self._clock()
        await self._tidy_up()
        await self._budgets.open_periods()
        self._recorder.start()
        self._journaling.start()
        beating = asyncio.create_task(self._beat_forever(), name="heartbeat")
        try:
            while not self._stopping.is_set():
                await self.tick()
        finally:
            await self._drain()
            beating.cancel()
            await asyncio.wait([beating])
            await self._recorder.close()
            await self._journaling.close()
        if self._failure:
            raise self._failure
        self._blame_the_account()
        await self._tidy_up()  # a row of ours that nobody sends is told in this run's own figures
        return await self._summary(self._clock() - started)

    async def tick(self) -> None:
        """One turn: permits for the free senders, begin as many, hand each to a sender."""
        wanted = await self._make_way(await self._free_senders())
        if not wanted:
            return
        permits = await self._permits(wanted)
        if not permits:
            return
        claims = await self._begin(permits)
        self._spare_permits = max(0, permits - len(claims))
        if not claims:
            await self._wait_or_finish()
            return
        kept = await self._hold_back(claims)
        for claim in claims:
            self._send_in_background(claim, kept.get(claim.nonce))

    async def _free_senders(self) -> int:
        """Wait until something may be begun; return how many requests, none when the run ends."""
        while not self._stopping.is_set():
            free = min(self._most_at_a_time() - len(self._in_flight), self._remaining())
            if self._suspicion.is_probing:
                free = min(free, 1, self._suspicion.probes_wanted)
            if free > 0:
                return free
            if not self._in_flight:
                self.stop(StopReason.MAX_SUBMISSIONS)
            await self._next_end()
        return 0

    def _most_at_a_time(self) -> int:
        """How many requests may be under way: few until the cloud has shown that it is there."""
        unproven = self._tally.doubts.unproven
        most = self._limits.concurrency
        return most if unproven is None else min(most, unproven)

    def _remaining(self) -> int:
        """How many more submissions the cap allows; those in flight count against it."""
        if self._limits.max_submissions is None:
            return 2 * self._limits.concurrency
        in_flight = sum(len(claim.members) for claim in self._in_flight.values())
        return max(0, self._limits.max_submissions - self._tally.kept - in_flight)

    async def _next_end(self) -> None:
        self._sender_freed.clear()
        await unless(self._stopping, self._sender_freed.wait())

    async def _permits(self, wanted: int) -> int:
        """Take permits of the pace; those left from a turn that found less to do go first."""
        if self._spare_permits:
            return min(wanted, self._spare_permits)
        return await unless(self._stopping, self._pace.take(wanted)) or 0

    async def _begin(self, permits: int) -> list[Claim]:
        """Commit the intent of at most ``permits`` requests."""
        try:
            if self._suspicion.is_probing:
                return await self._begin_probe()
            return await self._claims.begin(permits, self._remaining())
        except VodBatchError as error:
            self._fail(error)
            return []

    async def _begin_probe(self) -> list[Claim]:
        """Commit the intent of one request from somewhere else in the lists than the last."""
        if not self._probe_from and (span := await self._store.due_span()):
            first, last = span
            step = (last - first + 1) / SPREAD_PROBES
            self._probe_from = [first + int((n + 0.5) * step) for n in range(SPREAD_PROBES)]
        places: list[int | None] = [self._probe_from.pop()] if self._probe_from else []
        for place in (*places, None):
            most = self._remaining()
            claims = await self._claims.begin(1, most, place)
            if claims:
                self._suspicion.begun(claims)
                return claims
        return []

    async def _make_way(self, wanted: int) -> int:
        """Ask the gate how many of ``wanted`` may be begun."""
        if not wanted:
            return 0
        try:
            return await unless(self._stopping, self._gate.make_way(wanted)) or 0
        except VodBatchError as error:
            self._fail(error)
            return 0

    async def _hold_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Return the claims that are not to be sent, by nonce, with the reason."""
        if not await self._journal_intents(claims):
            return dict.fromkeys((c.nonce for c in claims), _NOT_JOURNALED)
        try:
            kept = await unless(self._stopping, self._gate.hold_back(claims))
        except VodBatchError as error:
            self._fail(error)
            kept = None
        # A run that stops sends none of them anyway.
        return {} if kept is None else kept

    async def _journal_intents(self, claims: Sequence[Claim]) -> bool:
        """Write the intents to the second record; without them nothing is sent."""
        try:
            await self._journaling.add([self._journal.intent_line(claim) for claim in claims])
        except VodBatchError as error:
            self._fail(error)
            return False
        return True

    def _send_in_background(self, claim: Claim, kept: str | None) -> None:
        task = asyncio.create_task(self._send(claim, kept))
        self._in_flight[task] = claim
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._sender_freed.set()
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)

    async def _send(self, claim: Claim, kept: str | None) -> None:
        """One request from its intent to its durable outcome; one that is kept stays here."""
        started = self._clock()
        if kept is not None:
            outcome: Outcome = NotSent(kept, held_back=True)
        else:
            outcome = await self._blame(claim, await self._call(claim))
        verdicts = judge(claim, outcome, max_attempts=self._limits.max_attempts, dice=self._dice)
        self._tally.count_outcome(outcome)
        self._suspicion.see(claim, outcome)
        await self._slow_down(outcome)
        await self._make_durable(claim, verdicts)
        self._claims.close(claim)
        self._tally.count_verdicts(verdicts)
        self._watch(AttemptReport(claim, outcome, verdicts, self._clock() - started))
        if (account := self._suspicion.verdict()) and not self._tally.account:
            self._tally.account = account
        if reason := self._tally.stop_reason():
            self.stop(reason)
        elif self._brake.is_endless:
            in_doubt = self._brake.ends_in_doubt
            self.stop(StopReason.DOUBTS if in_doubt else StopReason.THROTTLED)

    async def _blame(self, claim: Claim, outcome: Outcome) -> Outcome:
        """Say whose a refusal is that speaks of the account and may mean this one row."""
        if not (isinstance(outcome, AccountStopped) and outcome.may_be_one_rows):
            return outcome
        try:
            rows = [member.id for member in claim.members]
            passed = await self._store.passed_since_refused(rows, outcome.code, ENOUGH_PASSED)
        except VodBatchError as error:
            self._fail(error)
            return outcome
        # Of two types that went in one request either may be the one that is refused.
        met_before = len(passed) == len(claim.members)
        fewest = min(passed.values()) if met_before else None
        return blame(outcome, fewest, is_type_served=self._suspicion.serves(claim.types))

    async def _make_durable(self, claim: Claim, verdicts: tuple[Verdict, ...]) -> None:
        """Write the outcome to both records; the journal takes it while PostgreSQL is away."""
        journaled = self._journaling.add([self._journal.answer_line(claim, verdicts)])
        recorded = self._recorder.add(verdicts)
        try:
            await journaled
        except VodBatchError as error:
            self._fail(error)
            jobs = [v.job_id for v in verdicts if v.job_id]
            log.error("not_in_the_journal", nonce=claim.nonce, jobs=jobs, error=str(error))
        await recorded

    async def _append(self, lines: Sequence[bytes]) -> None:
        await asyncio.to_thread(self._journal.append, lines)

    async def _call(self, claim: Claim) -> Outcome:
        """Let the request depart and return what came of it, a forced stop included."""
        departure = SlotDeparture(claim, self._pace, self._stopping)
        try:
            return await self._sender.submit(claim, departure)
        except asyncio.CancelledError:
            if departure.has_left:
                return InDoubt("the run was forced to stop before the answer")
            return NotSent("held back: the run was forced to stop", held_back=True)
        except VodBatchError as error:
            self._fail(error)
            return NotSent(str(error), held_back=True)

    async def _slow_down(self, outcome: Outcome) -> None:
        """Slow down, then pause: the account for throttling; ourselves for doubt, or no way."""
        seconds = self._brake.see(outcome)
        self._pace.slow_down(self._brake.slowness)
        if seconds is None:
            return
        self._pace.pause(seconds)
        if not isinstance(outcome, Accepted | NotSent) and outcome.slows:
            await self._pause_everybody(seconds)

    async def _pause_everybody(self, seconds: float) -> None:
        """Pause the target; this worker pauses even if that fails."""
        try:
            await self._store.pause(seconds)
        except DatabaseUnavailableError as error:
            log.warning("pause_not_shared", error=str(error))

    async def _wait_or_finish(self) -> None:
        """Nothing could be begun: wait for what may still come, or end the run."""
        if self._in_flight:
            await self._next_end()
            return
        if self._failure:
            return
        outlook = await self._look_ahead()
        if outlook is None or self._in_flight:
            return
        seconds = _idle_seconds(outlook)
        if seconds is None:
            self.stop(StopReason.NOTHING_DUE)
        elif not (outlook.is_due and await self._is_beyond_budget()):
            await sleep_unless(self._stopping, seconds)

    async def _is_beyond_budget(self) -> bool:
        """Tell whether the budgets keep what is due from being begun, which ends the run."""
        try:
            self._obstacle = await self._budgets.obstacle()
        except VodBatchError as error:
            self._fail(error)
        if self._obstacle:
            self.stop(StopReason.BUDGET)
        return self._stopping.is_set()

    async def _look_ahead(self) -> Outlook | None:
        try:
            await self._tidy_up()
            return await self._store.outlook(self._claims.rules.plan)
        except VodBatchError as error:
            self._fail(error)
            return None

    async def _commit(self, verdicts: Sequence[Verdict]) -> None:
        for submission in await self._claims.record(verdicts, self._actor):
            log.warning("late_outcome", submission=submission, kept="on its attempt")

    async def _tidy_up(self) -> None:
        """Find what nobody sends any more in doubt, and what is pending paid already."""
        expired = await self._claims.expire(self._limits.heartbeat_timeout, self._actor)
        self._expired += len(expired)
        if expired:
            log.warning("in_doubt_after_crash", submissions=len(expired))
        if adopted := await self._store.adopt_strays(self._actor):
            log.warning("late_job_adopted", submissions=len(adopted))

    async def _beat_forever(self) -> None:
        while True:
            await self._claims.beat()
            await self._budgets.warn()
            await asyncio.sleep(self._limits.heartbeat_timeout / _BEATS_PER_TIMEOUT)

    def _fail(self, error: BaseException) -> None:
        """Stop because something we need is gone, or broken; the first error is the one to tell."""
        self._failure = self._failure or error
        self._end()

    def _end(self) -> None:
        """Begin nothing more. From now on there is the grace for all that is open, and no more."""
        if self._drained_by is None:
            self._drained_by = self._clock() + self._limits.grace
            self._hurry(self._limits.grace)
        self._stopping.set()

    async def _drain(self) -> None:
        """Wait for what is on the wire, at most the grace; then give up on the answers."""
        self._end()
        assert self._drained_by is not None
        if self._in_flight:
            left = max(0.0, self._drained_by - self._clock())
            await asyncio.wait(self._in_flight, timeout=left)
        for task in self._in_flight:
            task.cancel()
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    def _blame_the_account(self) -> None:
        """Where one unknown code refused all that was tried, no row is to blame.

        What was not sent is pending still, what was refused is in doubt.
        """
        account = self._tally.account or self._suspicion.verdict_at_the_end()
        if account is None:
            return
        self._tally.account = account
        if self._stopped_by is not StopReason.SIGNAL:
            self._stopped_by = StopReason.ACCOUNT_STOPPED
        log.error("account_refused", code=account.code)

    async def _summary(self, seconds: float) -> RunSummary:
        counts = await self._store.count_states()
        await self._budgets.warn()
        return RunSummary(
            stopped_by=self._stopped_by or StopReason.SIGNAL,
            account=self._tally.account,
            last_trouble=self._tally.last_trouble,
            states=dict(self._tally.states),
            outcomes=dict(self._tally.outcomes),
            expired=self._expired,
            worst_second=self._pace.worst_second,
            seconds=seconds,
            requests=self._tally.requests,
            left_pending=counts[State.PENDING],
            left_in_doubt=counts[State.IN_DOUBT],
            budgets=tuple(await self._budgets.uses()),
            obstacle=self._obstacle,
            failovers=self._claims.failovers,
            restored=self._claims.restored,
        )


def _idle_seconds(outlook: Outlook) -> float | None:
    """Return how long to wait before looking again, or ``None`` when nothing more can come."""
    is_near = outlook.due_in is not None and outlook.due_in <= _NEAR_SECONDS
    if is_near and outlook.paused_for and outlook.paused_for > 0:
        return min(outlook.paused_for, _LONGEST_IDLE_SECONDS)
    if is_near and outlook.due_in is not None:
        return min(max(outlook.due_in, 0.01), _LONGEST_IDLE_SECONDS)
    return _LONGEST_IDLE_SECONDS / 4 if outlook.held else None
