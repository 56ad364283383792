"""What the ledger knows of jobs that the cloud has made already, for one target."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import asyncpg

from batch.core.existing import FoundJob
from batch.core.models import JobType, Target
from batch.core.states import State
from batch.ledger.database import Database
from batch.ledger.store import SILENCE_SECONDS

Listed = tuple[int, JobType]
"""A list, by its batch, and a type."""

_FAR = 5000
"""Rows that one statement walks along the line at the most."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that is to be sent; ``is_looked_at`` while a look at its media holds.

    One that ``was_sent`` before has a past of its own: a failed job, a doubt that was settled, an
    operator's word. What exists for its media is judged there, and not taken for its own here.
    """

    id: int
    state: State
    batch: int
    media_id: str
    job_type: JobType
    config: str | None
    campaign: str
    priority: int
    is_looked_at: bool
    was_sent: bool

    @property
    def listed(self) -> Listed:
        """Its list and type."""
        return self.batch, self.job_type


@dataclass(frozen=True, slots=True)
class JobLook:
    """What one look at a media showed, and for how long that holds."""

    media_id: str
    jobs: tuple[FoundJob, ...]
    holds_for: timedelta


@dataclass(frozen=True, slots=True)
class Adopted:
    """A submission that was given a job; ``seconds`` is its media's length, if known."""

    id: int
    job_type: JobType
    seconds: Decimal | None


class ExistingLedger:
    """Statements about jobs that exist already; each may be repeated."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def sampled_lists(self) -> dict[Listed, bool]:
        """Return the lists that were sampled, and whether there was a hit."""
        rows = await self._fetch("sampled_lists", self._target.id)
        return {(row["batch_id"], JobType(row["job_type"])): row["has_hit"] for row in rows}

    async def record_sample(self, listed: Listed, *, has_hit: bool) -> None:
        """Remember that a list was sampled."""
        await self._fetch("record_sample", *listed, has_hit)

    async def first_of_list(self, listed: Listed, most: int) -> list[Waiting]:
        """Return the first rows of a list that wait to be sent, of those near the front."""
        rows = await self._fetch("first_of_list", self._target.id, *listed, most, _FAR)
        return _waiting(rows)

    async def next_in_line(self, most: int, further: Collection[int] = ()) -> list[Waiting]:
        """Return what a begin would take next, and ``further`` submissions, in sending order."""
        return _waiting(await self._fetch("next_in_line", self._target.id, most, list(further)))

    async def walk_ahead(
        self, after: tuple[int, int], most: int, lists: Sequence[Listed] | None, campaign: str
    ) -> list[Waiting]:
        """Return rows not looked at, behind priority and id, of these lists (``None``: all).

        The last row is where the walk ended, looked at or not; none at the end of the line.
        """
        batches = None if lists is None else [batch for batch, _ in lists]
        types = None if lists is None else [job_type.value for _, job_type in lists]
        rows = await self._fetch(
            "walk_ahead", self._target.id, *after, most, _FAR, batches, types, campaign
        )
        return _waiting(rows)

    async def known_jobs(self, job_ids: Sequence[str]) -> set[str]:
        """Return those of these JobIds that a submission or a receipt holds."""
        rows = await self._fetch("known_jobs", list(job_ids), [], None)
        return {row["job_id"] for row in rows}

    async def record_looks(self, looks: Sequence[JobLook]) -> None:
        """Keep looks; the jobs first, so that no look is believed without them."""
        jobs = [job for look in looks for job in look.jobs]
        await self._fetch(
            "record_found_jobs",
            self._target.id,
            [job.job_id for job in jobs],
            [job.media_id for job in jobs],
            [job.job_type.value for job in jobs],
            [job.is_open for job in jobs],
            [job.config for job in jobs],
            [job.created_at for job in jobs],
        )
        await self._fetch(
            "record_job_looks",
            self._target.id,
            [look.media_id for look in looks],
            [look.holds_for.total_seconds() for look in looks],
        )

    async def find(self, media: Collection[str]) -> dict[str, list[FoundJob]]:
        """Return the jobs of media, by media, that nobody here knows as theirs."""
        rows = await self._fetch("find_existing", self._target.id, list(set(media)))
        found: dict[str, list[FoundJob]] = {}
        for row in rows:
            job = FoundJob(**{**row, "job_type": JobType(row["job_type"])})
            found.setdefault(job.media_id, []).append(job)
        return found

    async def adopt(self, given: Sequence[tuple[int, FoundJob]], actor: str) -> list[Adopted]:
        """Give pending submissions their jobs; return those that took one."""
        rows = await self._fetch(
            "adopt_existing",
            [submission for submission, _ in given],
            [job.job_id for _, job in given],
            [job.created_at for _, job in given],
            actor,
        )
        return [Adopted(row["id"], JobType(row["job_type"]), row["seconds"]) for row in rows]

    async def put_off(
        self, reasons: dict[int, str], code: str, due_in: timedelta, actor: str
    ) -> set[int]:
        """Let pending submissions wait, each for its reason; return those that do."""
        rows = await self._fetch(
            "put_off_existing",
            list(reasons),
            [code] * len(reasons),
            list(reasons.values()),
            due_in.total_seconds(),
            actor,
        )
        return {row["id"] for row in rows}

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._database.fetch(name, *arguments, timeout=SILENCE_SECONDS)


def _waiting(rows: Sequence[asyncpg.Record]) -> list[Waiting]:
    return [
        Waiting(
            row["id"],
            State(row["state"]),
            row["batch_id"],
            row["media_id"],
            JobType(row["job_type"]),
            row["config"],
            row["campaign"],
            row["priority"],
            row["is_looked_at"],
            row["was_sent"],
        )
        for row in rows
    ]
