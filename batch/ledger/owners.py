"""Submissions with an open job, one by one: whose JobId is it, for one target."""

from collections.abc import Sequence
from dataclasses import dataclass

from batch.core.models import JobType, Target
from batch.ledger.database import Database

JOB_UNKNOWN = "JobUnknown"
"""The error code of a submission whose JobId the cloud said it does not know."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A submission, and the JobId that is, or may become, its own."""

    id: int
    media_id: str
    job_type: JobType
    campaign: str
    job_id: str


class Owners:
    """Statements about submissions whose job has not ended."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def find(
        self, media_id: str | None, job_type: JobType | None, *, only_unknown: bool
    ) -> list[Owned]:
        """Return submissions whose job is open; ``only_unknown`` those that the cloud disclaims."""
        rows = await self._database.fetch(
            "list_owned",
            self._target.id,
            media_id,
            job_type.value if job_type else None,
            JOB_UNKNOWN if only_unknown else None,
        )
        return [
            Owned(
                row["id"], row["media_id"], JobType(row["job_type"]), row["campaign"], row["job_id"]
            )
            for row in rows
        ]

    async def count_unknown(self) -> int:
        """Return how many JobIds the cloud said it does not know."""
        row = await self._database.fetch_row("count_unknown_jobs", self._target.id, JOB_UNKNOWN)
        return int(row["n"]) if row else 0

    async def disown(self, disowned: Sequence[tuple[Owned, str]], actor: str) -> set[int]:
        """Put submissions in doubt, each for a reason; return those that moved.

        The JobId stays on its attempt. What has another one of its media and type on the wire or in
        doubt stays as it is.
        """
        rows = await self._database.fetch(
            "disown",
            [one.id for one, _ in disowned],
            [one.job_id for one, _ in disowned],
            [reason for _, reason in disowned],
            actor,
        )
        return {row["id"] for row in rows}
