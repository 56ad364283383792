"""The canaries of one target's batches."""

from uuid import UUID

from batch.core.canary import Canary, CanaryVerdict
from batch.core.models import Target
from batch.ledger.database import Database


class Canaries:
    """Statements that choose, count and judge canaries."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def choose(self, size: int) -> None:
        """Choose ``size`` submissions of every batch that no night has looked at yet."""
        await self._database.fetch("open_canaries", self._target.id, size)

    async def unjudged(self) -> list[Canary]:
        """Return how the canaries stand that nobody has judged, by batch."""
        rows = await self._database.fetch("count_canaries", self._target.id)
        return [Canary(**row) for row in rows]

    async def fix(self, plan: UUID) -> None:
        """Fix as ``plan`` the canaries that nobody has judged."""
        await self._database.fetch("fix_canaries", self._target.id, plan)

    async def judge(self, batch: int, verdict: CanaryVerdict) -> None:
        """Write a verdict down."""
        await self._database.fetch("judge_canary", self._target.id, batch, verdict.value)
