"""One request, from its intent to its durable outcome, and what its outcome means for the run."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from batch.core.blame import ENOUGH_PASSED, blame
from batch.core.models import Claim
from batch.core.outcome import Accepted, AccountStopped, InDoubt, NotSent, Outcome
from batch.core.verdict import Verdict, judge
from batch.errors import DatabaseUnavailableError, VodBatchError
from batch.settings import Settings
from batch.submit.brake import Brake
from batch.submit.claiming import Claims
from batch.submit.departing import SlotDeparture
from batch.submit.ending import Ending
from batch.submit.records import Records
from batch.submit.shared_pace import SharedPace
from batch.submit.suspicion import Suspicion
from batch.submit.tally import DoubtGuard, FailureGuard, StopReason, Tally
from batch.vod.connector import Departure

log = structlog.get_logger()


class Sender(Protocol):
    """What sends a claim and says what came of it: :class:`batch.vod.client.VodClient`."""

    async def submit(self, claim: Claim, departure: Departure) -> Outcome:
        """Send the claim's request once, at its departure."""


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """One request's end, for a watcher of the run. ``seconds`` from begin to answer."""

    claim: Claim
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    seconds: float


class Sending:
    """Sends the claims of one run, counts what they come to, and slows down or ends the run."""

    def __init__(
        self,
        claims: Claims,
        records: Records,
        sender: Sender,
        pace: SharedPace,
        ending: Ending,
        settings: Settings,
        dice: random.Random,
        watch: Callable[[AttemptReport], None],
        clock: Callable[[], float],
    ) -> None:
        self._claims = claims
        self._store = claims.store
        self._records = records
        self._sender = sender
        self._pace = pace
        self._ending = ending
        self._max_attempts = settings.max_attempts
        self._dice = dice
        self._watch = watch
        self._clock = clock
        self._brake = Brake(settings.throttled_after.total_seconds(), clock, dice)
        self.suspicion = Suspicion()
        self.tally = Tally(
            settings.unreachable_after.total_seconds(),
            DoubtGuard(settings.doubt_limit, settings.doubt_percent, settings.doubt_window),
            clock,
            FailureGuard(settings.guard_percent, settings.guard_window),
        )

    async def send(self, claim: Claim, kept: str | None) -> None:
        """Send one request, or keep it for the reason ``kept``; return when both records have it.

        Until then its sender is not free.
        """
        started = self._clock()
        if kept is not None:
            outcome: Outcome = NotSent(kept, by_choice=True)
        else:
            outcome = await self._blame(claim, await self._call(claim))
        verdicts = judge(claim, outcome, max_attempts=self._max_attempts, dice=self._dice)
        self.tally.count_outcome(outcome)
        self.suspicion.see(claim, outcome)
        await self._slow_down(outcome)
        await self._records.keep_outcome(claim, verdicts)
        self._claims.close(claim)
        self.tally.count_verdicts(verdicts)
        self._watch(AttemptReport(claim, outcome, verdicts, self._clock() - started))
        self._end_if_senseless()

    def _end_if_senseless(self) -> None:
        """End the run where its outcomes say that more requests make no sense."""
        self.tally.account = self.tally.account or self.suspicion.verdict()
        if reason := self.tally.stop_reason():
            self._ending.stop(reason)
        elif self._brake.is_endless:
            in_doubt = self._brake.ends_in_doubt
            self._ending.stop(StopReason.DOUBTS if in_doubt else StopReason.THROTTLED)

    async def _blame(self, claim: Claim, outcome: Outcome) -> Outcome:
        """Say whose a refusal is that speaks of the account and may mean this one row."""
        if not (isinstance(outcome, AccountStopped) and outcome.may_be_one_rows):
            return outcome
        passed = None
        with self._ending.failures():
            rows = [member.id for member in claim.members]
            passed = await self._store.passed_since_refused(rows, outcome.code, ENOUGH_PASSED)
        if passed is None:
            return outcome
        # Of two types that went in one request either may be the one that is refused.
        met_before = len(passed) == len(claim.members)
        fewest = min(passed.values()) if met_before else None
        return blame(outcome, fewest, is_type_served=self.suspicion.serves(claim.types))

    async def _call(self, claim: Claim) -> Outcome:
        """Let the request depart and return what came of it, a forced stop included."""
        departure = SlotDeparture(claim, self._pace, self._ending.stopping)
        try:
            return await self._sender.submit(claim, departure)
        except asyncio.CancelledError:
            if departure.has_left:
                return InDoubt("the run was forced to stop before the answer")
            return NotSent("not sent: the run was forced to stop", by_choice=True)
        except VodBatchError as error:
            self._ending.fail(error)
            return NotSent(str(error), by_choice=True)

    async def _slow_down(self, outcome: Outcome) -> None:
        """Slow down, then cool down: all workers when throttled, this one alone when in doubt."""
        seconds = self._brake.see(outcome)
        self._pace.slow_down(self._brake.slowness)
        if seconds is None:
            return
        self._pace.cool_down(seconds)
        if not isinstance(outcome, Accepted | NotSent) and outcome.slows:
            await self._start_cooldown(seconds)

    async def _start_cooldown(self, seconds: float) -> None:
        """Start the target's cooldown; this worker cools down even if that fails."""
        try:
            await self._store.start_cooldown(seconds)
        except DatabaseUnavailableError as error:
            log.warning("cooldown_not_shared", error=str(error))
