"""The canary: a batch's first submissions are followed to their end before the rest may go."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from batch.core.canary import ACTOR, Canary, CanaryVerdict
from batch.ledger.canaries import Canaries
from batch.ledger.operators import Operators
from batch.settings import Settings

log = structlog.get_logger()

SendCanaries = Callable[[int], Awaitable[None]]
"""Sends so many submissions, canaries first."""

Watch = Callable[[], Awaitable[bool]]
FollowCanaries = Callable[[datetime, Watch], Awaitable[None]]
"""Follows jobs until a time (UTC), or until the watch has seen enough."""


@dataclass(frozen=True, slots=True)
class JudgedCanary:
    """A canary at the end of its step; ``verdict`` is ``None`` when it has not ended yet."""

    canary: Canary
    verdict: CanaryVerdict | None

    @property
    def tally(self) -> str:
        """Its state, in a few words."""
        canary = self.canary
        text = f"{canary.succeeded} of {canary.size} canary submissions succeeded"
        return text if self.verdict else f"{text}, {canary.still_open} have not ended"


class CanaryWarden:
    """Chooses, sends, follows and judges the canaries of one target."""

    def __init__(self, canaries: Canaries, operators: Operators, settings: Settings) -> None:
        self._canaries = canaries
        self._operators = operators
        self._percent = settings.canary_percent
        self._size = settings.canary
        self._wait = settings.canary_wait
        self.has_freed = False
        """Whether rows became due that were held when this night began."""

    async def free_unsent(self) -> None:
        """Let batches go that an earlier night held before all of their canary was sent."""
        for canary in await self._canaries.unjudged():
            if canary.unsent:
                await self._free(canary.batch, "the rest of its canary is to be sent")

    async def run(
        self, send: SendCanaries, follow: FollowCanaries, ends_at: datetime | None
    ) -> tuple[JudgedCanary, ...]:
        """Take the step; batches whose canary did not pass are held when it ends."""
        await self._canaries.choose(self._size)
        unjudged = await self._canaries.unjudged()
        if not unjudged:
            return ()
        if unsent := sum(canary.unsent for canary in unjudged):
            await send(unsent)
        await follow(self._until(ends_at), self._all_are_judged)
        return tuple([await self._judge(canary) for canary in await self._canaries.unjudged()])

    def _until(self, ends_at: datetime | None) -> datetime:
        patience = datetime.now(UTC) + self._wait
        return min(patience, ends_at) if ends_at else patience

    async def _all_are_judged(self) -> bool:
        return all(c.verdict(self._percent) for c in await self._canaries.unjudged())

    async def _judge(self, canary: Canary) -> JudgedCanary:
        judged = JudgedCanary(canary, canary.verdict(self._percent))
        log.info("canary", batch=canary.batch, verdict=judged.verdict, tally=judged.tally)
        if judged.verdict is CanaryVerdict.PASSED:
            await self._free(canary.batch, judged.tally)
        else:
            reason = f"{judged.tally}; {self._percent:g} % are wanted"
            await self._operators.hold_batch(canary.batch, reason, ACTOR)
        if judged.verdict:
            await self._canaries.judge(canary.batch, judged.verdict)
        return judged

    async def _free(self, batch: int, reason: str) -> None:
        """Let a batch go that an earlier night held; an operator's own hold stays."""
        holds = await self._operators.holds()
        if any(hold.batch_id == batch and hold.held_by == ACTOR for hold in holds):
            await self._operators.release_batch(batch, reason, ACTOR)
            self.has_freed = True
