"""What a run does beside its sends: a heartbeat, a word on the budgets, rows nobody sends found."""

import asyncio

import structlog

from batch.submit.budget_watch import BudgetWatch
from batch.submit.claiming import Claims

_BEATS_PER_TIMEOUT = 5

log = structlog.get_logger()


class Upkeep:
    """Keeps one worker known to be alive, and tidies up; ``silence`` (seconds) is a dead one's."""

    def __init__(self, claims: Claims, budgets: BudgetWatch, silence: float, actor: str) -> None:
        self._claims = claims
        self._budgets = budgets
        self._silence = silence
        self._actor = actor
        self.expired = 0
        """Submissions found in doubt because nobody sends them any more."""

    async def tidy_up(self) -> None:
        """Find what nobody sends any more in doubt, and what is pending paid already."""
        expired = await self._claims.expire(self._silence, self._actor)
        self.expired += len(expired)
        if expired:
            log.warning("in_doubt_after_crash", submissions=len(expired))
        if adopted := await self._claims.store.adopt_strays(self._actor):
            log.warning("late_job_adopted", submissions=len(adopted))

    async def beat_forever(self) -> None:
        """Say again and again that the worker is alive."""
        while True:
            await self._claims.beat()
            await self._budgets.warn()
            await asyncio.sleep(self._silence / _BEATS_PER_TIMEOUT)
