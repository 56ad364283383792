"""The worker: a block of slots, begin, call, judge, record.

A request is sent only after its intent is committed, and a sender takes the next one only after the
outcome of the last is durable. A crash therefore leaves in doubt at most ``concurrency`` requests.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

import structlog

from batch.core.models import Claim
from batch.core.states import State
from batch.ledger.journal import Journal
from batch.ledger.store import Outlook
from batch.settings import Settings
from batch.submit.begins import Begins
from batch.submit.budget_watch import BudgetWatch
from batch.submit.claiming import Claims
from batch.submit.ending import Ending
from batch.submit.gate import Gate, OpenGate
from batch.submit.records import Records
from batch.submit.sending import AttemptReport, Sender, Sending
from batch.submit.shared_pace import SharedPace
from batch.submit.tally import RunSummary, StopReason
from batch.submit.upkeep import Upkeep
from batch.waiting import ended_or_late, sleep_unless, unless

_LONGEST_IDLE_SECONDS = 2.0
# A row waits for its own backoff a minute at the most; what is put off longer is a later run's.
_NEAR_SECONDS = 120.0
_TOGETHER_SECONDS = 0.1
"""Requests that end so close together are one occasion to look whether more is due."""

_NOT_JOURNALED = "not sent: the journal cannot be written"

log = structlog.get_logger()


class Submitter:
    """One run of one worker."""

    def __init__(
        self,
        claims: Claims,
        journal: Journal,
        sender: Sender,
        pace: SharedPace,
        settings: Settings,
        actor: str,
        *,
        dice: random.Random,
        max_submissions: int | None = None,
        gate: Gate = OpenGate(),  # noqa: B008 - it keeps nothing
        watch: Callable[[AttemptReport], None] = lambda _report: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claims = claims
        self._store = claims.store
        self._pace = pace
        self._concurrency = settings.concurrency
        self._max_submissions = max_submissions
        self._clock = clock
        self._ending = Ending(settings.grace.total_seconds(), claims.database.hurry, clock)
        self._stopping = self._ending.stopping
        self._records = Records(claims, journal, actor, self._ending)
        self._sending = Sending(
            claims, self._records, sender, pace, self._ending, settings, dice, watch, clock
        )
        self._tally, self._suspicion = self._sending.tally, self._sending.suspicion
        self._begins = Begins(claims, gate, self._suspicion, self._ending)
        self._budgets = BudgetWatch(claims.store, claims.rules)
        silence = settings.heartbeat_timeout.total_seconds()
        self._upkeep = Upkeep(claims, self._budgets, silence, actor)
        self._in_flight: dict[asyncio.Task[None], Claim] = {}
        self._sender_freed = asyncio.Event()
        self._obstacle: str | None = None

    def stop(self, reason: StopReason) -> None:
        """Take no more work; finish and record what is on the wire. The first reason stays."""
        self._ending.stop(reason)

    def force(self) -> None:
        """Wait for no answer: what is on the wire is recorded as in doubt."""
        self.stop(StopReason.SIGNAL)
        self._claims.database.hurry(0)
        for task in self._in_flight:
            task.cancel()

    async def run(self) -> RunSummary:
        """Submit until nothing is due, or until stopped.

        Raises:
            VodBatchError: the ledger or the credentials failed; what was on the wire is recorded
                first, as far as the ledger lets it.
        """
        started = self._clock()
        await self._upkeep.tidy_up()
        await self._budgets.open_periods()
        self._records.start()
        beating = asyncio.create_task(self._upkeep.beat_forever(), name="heartbeat")
        try:
            while not self._stopping.is_set():
                await self.tick()
        finally:
            await self._drain()
            beating.cancel()
            await asyncio.wait([beating])
            await self._records.close()
        if self._ending.failure:
            raise self._ending.failure
        self._blame_the_account()
        await self._upkeep.tidy_up()  # what we sent no more is in this run's own figures
        return await self._summary(self._clock() - started)

    async def tick(self) -> None:
        """One turn: slots for the senders that are free, one begin for all, each to a sender."""
        wanted = await self._begins.make_way(await self._free_senders())
        slots = await unless(self._stopping, self._pace.take(wanted)) if wanted else None
        if not slots:
            return
        claims = await self._begins.begin(slots, self._remaining())
        self._pace.give_back(max(0, slots - len(claims)))
        if not claims:
            await self._wait_or_finish()
            return
        kept = await self._keep_back(claims)
        for claim in claims:
            self._send_in_background(claim, kept.get(claim.nonce))

    async def _free_senders(self) -> int:
        """Wait for a free sender, and until a slot is near; return how many are free by then.

        None when the run ends.
        """
        while not self._stopping.is_set():
            if self._free() > 0:
                await unless(self._stopping, self._pace.near())
                return max(0, self._free())
            if not self._in_flight:
                self.stop(StopReason.MAX_SUBMISSIONS)
            await self._next_end()
        return 0

    def _free(self) -> int:
        """How many more requests may be begun."""
        free = min(self._most_at_a_time() - len(self._in_flight), self._remaining())
        if self._suspicion.is_probing:
            free = min(free, 1, self._suspicion.probes_wanted)
        return free

    def _most_at_a_time(self) -> int:
        """How many requests may be under way: few until the cloud has shown that it is there."""
        unproven = self._tally.doubts.unproven
        most = self._concurrency
        return most if unproven is None else min(most, unproven)

    def _remaining(self) -> int:
        """How many more submissions the cap allows; those in flight count against it."""
        if self._max_submissions is None:
            return 2 * self._concurrency
        in_flight = sum(len(claim.members) for claim in self._in_flight.values())
        return max(0, self._max_submissions - self._tally.kept - in_flight)

    async def _next_end(self) -> None:
        self._sender_freed.clear()
        await unless(self._stopping, self._sender_freed.wait())

    async def _keep_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Return the claims that are not to be sent, by nonce, with the reason."""
        if await self._records.keep_intents(claims):
            return await self._begins.keep_back(claims)
        return dict.fromkeys((claim.nonce for claim in claims), _NOT_JOURNALED)

    def _send_in_background(self, claim: Claim, kept: str | None) -> None:
        task = asyncio.create_task(self._sending.send(claim, kept))
        self._in_flight[task] = claim
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._sender_freed.set()
        if not task.cancelled() and (error := task.exception()):
            self._ending.fail(error)

    async def _wait_or_finish(self) -> None:
        """Nothing could be begun: wait for what may still come, or end the run."""
        if self._in_flight:
            await self._next_end()
        if self._in_flight:
            await ended_or_late(self._stopping, self._in_flight, _TOGETHER_SECONDS)
            return
        if self._ending.failure:
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
        """Return whether the budgets keep what is due from being begun, which ends the run."""
        with self._ending.failures():
            self._obstacle = await self._budgets.obstacle()
        if self._obstacle:
            self.stop(StopReason.BUDGET)
        return self._stopping.is_set()

    async def _look_ahead(self) -> Outlook | None:
        with self._ending.failures():
            await self._upkeep.tidy_up()
            return await self._store.outlook(self._claims.rules.plan)
        return None

    async def _drain(self) -> None:
        """Wait for what is on the wire, at most the grace; then give up on the answers."""
        self._ending.begin()
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=self._ending.grace_left)
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
        if self._ending.reason is not StopReason.SIGNAL:
            self._ending.reason = StopReason.ACCOUNT_STOPPED
        log.error("account_refused", code=account.code)

    async def _summary(self, seconds: float) -> RunSummary:
        counts = await self._store.count_states()
        await self._budgets.warn()
        return RunSummary(
            stopped_by=self._ending.reason or StopReason.SIGNAL,
            account=self._tally.account,
            last_trouble=self._tally.last_trouble,
            states=dict(self._tally.states),
            outcomes=dict(self._tally.outcomes),
            expired=self._upkeep.expired,
            worst_second=self._pace.worst_second,
            seconds=seconds,
            requests=self._tally.requests,
            left_pending=counts[State.PENDING],
            left_in_doubt=counts[State.IN_DOUBT],
            budgets=await self._budgets.shown(),
            currency=self._budgets.currency,
            obstacle=self._obstacle,
            failovers=self._claims.failovers,
            restored=self._claims.restored,
        )


def _idle_seconds(outlook: Outlook) -> float | None:
    """Return how long to wait before looking again, or ``None`` when nothing more can come."""
    is_near = outlook.due_in is not None and outlook.due_in <= _NEAR_SECONDS
    if is_near and outlook.cooldown_left and outlook.cooldown_left > 0:
        return min(outlook.cooldown_left, _LONGEST_IDLE_SECONDS)
    if is_near and outlook.due_in is not None:
        return min(max(outlook.due_in, 0.01), _LONGEST_IDLE_SECONDS)
    return _LONGEST_IDLE_SECONDS / 4 if outlook.on_wire else None
