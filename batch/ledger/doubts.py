"""The reconciler's side of the ledger: doubts, open jobs, receipts, for one target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from batch.core.models import Claim, ClaimedSubmission, JobType, Target
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.database import Database
from batch.ledger.restoring import record_arguments, unmoved


@dataclass(frozen=True, slots=True)
class OpenDoubt:
    """A submission in doubt with the attempt that left it so. ``age`` in seconds, by the database.

    ``signed_at`` is our own time (UTC). ``receipts`` are JobIds that the answer to its request
    named, and that could be given to none of its types. ``rivals`` are when other requests for
    the same media and type were signed whose outcome is not known either. ``access_key_id`` is
    the key that signed it, if that was written down. ``was_refused`` says that the answer was a
    refusal by a code that nobody knows.
    """

    id: int
    lease: int
    media_id: str
    job_type: JobType
    campaign: str
    nonce: str
    signed_at: datetime
    ended_at: datetime | None
    replayed_at: datetime | None
    age: float
    message: str | None
    receipts: tuple[str, ...]
    rivals: tuple[datetime, ...]
    access_key_id: str | None
    was_refused: bool
    claim: Claim


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a doubt: its job, or ``None``, and it is due again.

    ``is_absent`` when no job is said to exist; a row that is sent again although one may exist
    leaves its request in doubt. ``was_replayed`` is what the doubt said when this was decided.
    ``is_refused`` when it is rejected instead of due: no job exists, and its answer was a refusal.
    """

    id: int
    lease: int
    job_id: str | None
    reason: str
    is_absent: bool = False
    was_replayed: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A submission whose job has not ended, as far as we know."""

    id: int
    job_id: str


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll said of an open job; without ``verdict`` it is still open."""

    id: int
    job_id: str
    verdict: State | None
    code: str | None = None
    message: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExtraCharge:
    """A submission that holds more JobIds than the one it asked for."""

    submission_id: int
    media_id: str
    job_type: str
    state: str
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job that the cloud named in answer to its own request, signed at that time (UTC)."""

    job_id: str
    media_id: str
    signed_at: datetime


class Doubts:
    """Statements of the reconciler and of the operator's word."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def replay_confirmed_at(self) -> datetime | None:
        """Return when this account was last seen to refuse a repeated nonce."""
        row = await self._database.fetch_row("target_facts", self._target.id)
        return row["replay_confirmed_at"] if row else None

    async def confirm_replay(self, *, refused: bool) -> None:
        """Remember whether this account refuses a repeated nonce."""
        await self._database.fetch("confirm_replay", self._target.id, refused)

    async def list_doubts(
        self, *, after: int = 0, limit: int = 500, media_id: str | None = None
    ) -> list[OpenDoubt]:
        """Return submissions in doubt with ids above ``after``, in order."""
        rows = await self._database.fetch("list_doubts", self._target.id, after, limit, media_id)
        return [
            OpenDoubt(
                id=row["id"],
                lease=row["lease"],
                media_id=row["media_id"],
                job_type=JobType(row["job_type"]),
                campaign=row["campaign"],
                nonce=row["nonce"],
                signed_at=row["signed_at"],
                ended_at=row["ended_at"],
                replayed_at=row["replayed_at"],
                age=row["age"],
                message=row["message"],
                receipts=tuple(row["receipts"]),
                rivals=tuple(row["rivals"]),
                access_key_id=row["access_key_id"],
                was_refused=bool(row["was_refused"]),
                claim=_claim(row),
            )
            for row in rows
        ]

    async def known_jobs(
        self, job_ids: Sequence[str], doubts: Sequence[OpenDoubt]
    ) -> dict[str, bool]:
        """Return those of ``job_ids`` that the ledger holds already, and that none of ``doubts``
        may be about: one that only a further entry of the answer to its request named may be its,
        and so may one that the answer to a request for another media named beside its own.

        The doubts are of one media. The value of each says whether it may have been given to the
        wrong one: to another media, or to another request as a further one.
        """
        nonces = [doubt.nonce for doubt in doubts]
        media_id = doubts[0].media_id if doubts else None
        rows = await self._database.fetch("known_jobs", list(job_ids), nonces, media_id)
        return {row["job_id"]: row["is_contested"] for row in rows}

    async def next_media(self, since: datetime, limit: int, replay_seconds: float) -> list[str]:
        """Return media whose doubts were not taken up ``since``, the most pressing first."""
        rows = await self._database.fetch(
            "next_doubtful_media", self._target.id, since, limit, replay_seconds
        )
        return [row["media_id"] for row in rows]

    async def take_up(self, media_id: str) -> list[OpenDoubt]:
        """Return the doubts of a media as they stand now; this round does not meet them again."""
        await self._database.fetch("take_up_doubts", self._target.id, media_id)
        return await self.list_doubts(media_id=media_id)

    async def newest_jobs(self, job_type: JobType, limit: int) -> list[KnownJob]:
        """Return the newest jobs of a type that the cloud itself named to us, the newest first."""
        rows = await self._database.fetch("newest_jobs", self._target.id, job_type.value, limit)
        return [KnownJob(**row) for row in rows]

    async def settle(
        self, settlements: Sequence[Settlement], actor: str, max_attempts: int | None = None
    ) -> dict[int, State]:
        """Settle doubts; return the submissions that moved, and where they went.

        With ``max_attempts`` what has no job goes behind all other rows, and is dead after so many
        attempts; ``None`` is for an operator's word, which sends it again.
        """
        rows = await self._database.fetch(
            "settle",
            [s.id for s in settlements],
            [s.lease for s in settlements],
            [s.job_id for s in settlements],
            [s.reason for s in settlements],
            [s.is_absent for s in settlements],
            [s.was_replayed for s in settlements],
            [s.is_refused for s in settlements],
            actor,
            max_attempts,
        )
        return {row["id"]: State(row["state"]) for row in rows}

    async def record(self, verdicts: Sequence[Verdict], actor: str) -> set[int]:
        """Record the answer to a replay, every JobId of it; return what now has its job."""
        arguments = (*record_arguments(verdicts), actor)
        # Once: a repeated one says that nothing moved.
        rows = await self._database.together(lambda fetch: fetch("record", *arguments))
        anothers = {row["submission_id"] for row in rows if row["is_anothers"]}
        return {v.submission_id for v in verdicts if v.job_id} - {*unmoved(rows)} - anothers

    async def note(self, notes: dict[int, str]) -> None:
        """Write down what keeps doubts open."""
        await self._database.fetch("note_doubts", list(notes), list(notes.values()))

    async def mark_replayed(
        self, group: Sequence[OpenDoubt], access_key_id: str, oldest: timedelta
    ) -> timedelta | None:
        """Commit that the request of ``group`` is about to be sent once more; return its age.

        ``None``, and nothing is marked, where that may not be: a row was settled, or is held, the
        request is older than ``oldest`` or was signed with another key, or it was sent once more.
        """
        row = await self._database.fetch_row(
            "mark_replayed",
            self._target.id,
            group[0].nonce,
            [doubt.id for doubt in group],
            [doubt.lease for doubt in group],
            oldest.total_seconds(),
            access_key_id,
        )
        return timedelta(seconds=row["age"]) if row and row["age"] is not None else None

    async def count_open(self) -> tuple[int, int]:
        """Return how many submissions have an open job, and how many are in doubt."""
        rows = await self._database.fetch("count_states", self._target.id)
        counts = {row["state"]: row["n"] for row in rows}
        return counts.get(State.SUBMITTED, 0), counts.get(State.IN_DOUBT, 0)

    async def now(self) -> datetime:
        """Return the database's time, which rows are stamped with; this machine's may differ."""
        row = await self._database.fetch_row("clock")
        assert row is not None
        moment: datetime = row["now"]
        return moment

    async def list_open_jobs(
        self, limit: int, asked_before: datetime, *, only_canaries: bool
    ) -> list[OpenJob]:
        """Return jobs not asked about since ``asked_before``, the longest unasked first."""
        rows = await self._database.fetch(
            "list_open_jobs", self._target.id, limit, asked_before, only_canaries
        )
        return [OpenJob(row["id"], row["job_id"]) for row in rows]

    async def record_polls(self, polls: Sequence[Poll], actor: str) -> dict[int, State]:
        """Record what polls said; return the state of each submission touched."""
        rows = await self._database.fetch(
            "record_polls",
            [p.id for p in polls],
            [p.job_id for p in polls],
            [p.verdict.value if p.verdict else None for p in polls],
            [p.code for p in polls],
            [p.message for p in polls],
            [p.ended_at for p in polls],
            actor,
        )
        return {row["id"]: State(row["state"]) for row in rows}

    async def extra_charges(self) -> list[ExtraCharge]:
        """Return the submissions that hold more JobIds than they asked for."""
        rows = await self._database.fetch("list_receipts", self._target.id)
        return [
            ExtraCharge(
                row["id"], row["media_id"], row["job_type"], row["state"], tuple(row["job_ids"])
            )
            for row in rows
        ]


def _claim(row: asyncpg.Record) -> Claim:
    job_type = JobType(row["job_type"])
    return Claim(
        media_id=row["media_id"],
        config=row["config"],
        user_data=row["user_data"],
        nonce=row["nonce"],
        signed_at=row["signed_at"],
        members=(
            ClaimedSubmission(
                row["id"], row["lease"], job_type, row["attempts"], row["config_key"]
            ),
        ),
        campaign=row["campaign"],
        access_key_id=row["access_key_id"],
    )
