"""What the ledger knows about the first run of a target, and the media that it is looked at by."""

from collections.abc import Sequence

from batch.core.models import Target
from batch.ledger.database import Database


class FirstRuns:
    """The first run of one target from this ledger."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self.target = target

    async def is_ahead(self) -> bool:
        """Whether nothing of the target was ever begun, and no operator has let it pass."""
        row = await self._database.fetch_row("first_run_facts", self.target.id)
        return row is not None and not row["has_begun"] and not row["is_accepted"]

    async def sample(self, size: int) -> list[str]:
        """Return at most ``size`` media that wait to be sent, spread evenly over the list."""
        rows = await self._database.fetch("sample_media", self.target.id, size)
        return [row["media_id"] for row in rows]

    async def known_jobs(self, job_ids: Sequence[str]) -> set[str]:
        """Return those of ``job_ids`` that this ledger holds, of whatever target."""
        rows = await self._database.fetch("known_jobs", list(job_ids), [], None)
        return {row["job_id"] for row in rows}

    async def accept(self, who: str) -> None:
        """Let the first run pass, whatever the cloud knows already."""
        await self._database.fetch("accept_first_run", self.target.id, who)
