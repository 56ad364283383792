"""The operator's side of the ledger: what a word is about, and holds, for one target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from batch.core.models import JobType, Target
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.database import Database, Fetch


@dataclass(frozen=True, slots=True)
class Selection:
    """Which submissions of the target a word is about; ``None`` means any.

    ``code`` is an error code, compared without case.
    """

    states: tuple[State, ...] | None = None
    code: str | None = None
    batch: int | None = None
    media: tuple[str, ...] | None = None
    job_type: JobType | None = None
    campaign: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether the whole target is meant."""
        return self == Selection()

    @property
    def is_one_batch(self) -> bool:
        """Whether a batch is meant as a whole."""
        return self.batch is not None and self == Selection(batch=self.batch)

    @property
    def arguments(self) -> tuple[object, ...]:
        """What ``selected`` of the database takes after the target."""
        return (
            [state.value for state in self.states] if self.states is not None else None,
            self.code,
            self.batch,
            list(self.media) if self.media is not None else None,
            self.job_type.value if self.job_type else None,
            self.campaign,
        )


class RetryWay(StrEnum):
    """What a retry makes of a rejected or dead submission (``retry_way`` of the database)."""

    DUE = "due"
    DOUBT = "doubt"
    WAITS = "waits"
    """Another submission of its media and type is to be settled first."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """How many submissions share what decides about an operator's word.

    ``is_held`` is about the rows themselves, ``batch_is_held`` about their batch as a whole.
    ``retry_way`` is of rejected and dead ones: what a retry makes of them.
    """

    state: State
    job_type: JobType
    batch: int
    is_held: bool
    batch_is_held: bool
    count: int
    retry_way: RetryWay | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that is open: of the ``target``, of a ``batch``, or of ``rows``.

    ``rows`` counts the pending submissions that would be sent without it. Times are UTC.
    """

    id: int
    scope: str
    batch_id: int | None
    held_at: datetime
    held_by: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class NearMedia:
    """A media whose id begins like one that was asked for in vain, and the target that has it."""

    media_id: str
    account: str
    region: str
    is_here: bool


class Operators:
    """Statements of the operator's words.

    ``actor`` is who says it, for the history: ``operator user@host``, or the part of the program
    that holds a batch. ``reason`` is what was said. Every method may raise
    :class:`~batch.errors.DatabaseUnavailableError`; a word is carried out whole or not at all.
    """

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self.target = target

    async def survey(self, selection: Selection) -> list[Surveyed]:
        """Count what a selection holds."""
        rows = await self._database.fetch("survey_selection", self.target.id, *selection.arguments)
        return [
            Surveyed(
                State(row["state"]),
                JobType(row["job_type"]),
                row["batch_id"],
                row["is_held"],
                row["batch_is_held"],
                row["n"],
                RetryWay(row["retry_way"]) if row["retry_way"] else None,
            )
            for row in rows
        ]

    async def retry(self, selection: Selection, reason: str, actor: str) -> tuple[int, int]:
        """Try again what failed, was rejected or is dead; return how many are due, and in doubt.

        In doubt is what no certain refusal was the last answer to: a job of it may exist. Their
        leases stay, their attempts count from zero. What belongs to a held batch stays held.
        """
        row = await self._database.fetch_row(
            "retry_selection", self.target.id, *selection.arguments, actor, reason
        )
        assert row is not None
        return row["due"], row["in_doubt"]

    async def cancel(self, selection: Selection, reason: str, actor: str) -> int:
        """Withdraw what is pending, for good; return how many."""
        moved = await self._count("cancel_selection", selection, actor, reason)
        await self._database.fetch("close_holds", self.target.id, actor, reason)
        return moved

    async def hold(self, selection: Selection, reason: str, actor: str) -> int:
        """Hold what is pending row by row; return how many were not held before."""
        return await self._count("hold_selection", selection, actor, reason)

    async def release(self, selection: Selection, reason: str, actor: str) -> int:
        """Let held rows go, except those of a held batch; return how many pending ones."""
        freed = await self._count("release_selection", selection, actor)
        await self._database.fetch("close_holds", self.target.id, actor, reason)
        return freed

    async def hold_target(self, reason: str, actor: str) -> bool:
        """Hold the whole target: no worker begins anything. Say no when it is held already."""
        return bool(await self._database.fetch("hold_target", self.target.id, actor, reason))

    async def release_target(self, reason: str, actor: str) -> bool:
        """End the target's hold; say no when there is none."""
        return bool(await self._database.fetch("release_target", self.target.id, actor, reason))

    async def hold_batch(self, batch: int, reason: str, actor: str) -> bool:
        """Hold a batch, what comes back to pending in it included; say no when it is held already.

        It counts from the first of two statements on; the second spares ``begin`` the walk over
        the batch's rows, and may be repeated.
        """
        made = await self._database.fetch("hold_batch", self.target.id, batch, actor, reason)
        await self._database.fetch("mark_held_batch", self.target.id, batch)
        return bool(made)

    async def release_batch(self, batch: int, reason: str, actor: str) -> bool:
        """End a batch's hold; say no when there is none. Rows held one by one stay held."""

        async def release(fetch: Fetch) -> bool:
            ended = await fetch("release_batch", self.target.id, batch, actor, reason)
            await fetch("free_batch", self.target.id, batch)
            return bool(ended)

        return await self._database.together(release)

    async def holds(self) -> list[Hold]:
        """Return every open hold, the newest first."""
        rows = await self._database.fetch("list_holds", self.target.id)
        return [Hold(**row) for row in rows]

    async def count_held(self) -> int:
        """Return how many pending submissions a hold keeps from being sent."""
        row = await self._database.fetch_row("count_held", self.target.id)
        return int(row["n"]) if row else 0

    async def has_batch(self, batch: int) -> bool:
        """Return whether the target has this batch."""
        return bool(await self._database.fetch("find_own_batch", self.target.id, batch))

    async def unknown_media(self, media: Sequence[str]) -> list[str]:
        """Return those of ``media`` without a submission in the target, in their order."""
        rows = await self._database.fetch("unknown_media", self.target.id, list(media))
        return [row["media_id"] for row in rows]

    async def insist_on_known(self, media: Sequence[str]) -> None:
        """Refuse ids that nobody can have meant.

        Raises:
            UsageError: the target has no submission of one of ``media``; near misses are named.
        """
        if unknown := await self.unknown_media(media):
            raise await self.unknown_error(unknown[0])

    async def near_media(self, media_id: str, limit: int = 5) -> list[NearMedia]:
        """Return media whose ids begin like ``media_id``, of any target, this one's first."""
        prefix = media_id[:_PREFIX]
        rows = await self._database.fetch(
            "near_media", self.target.id, prefix, prefix + _PAST_ANY_ID, limit, media_id
        )
        return [NearMedia(**row) for row in rows]

    async def unknown_error(self, media_id: str) -> UsageError:
        """Return the error for a media without a submission here; it names near misses."""
        message = (
            f"no submission of {media_id} in target {self.target.account}/{self.target.region}"
        )
        near = await self.near_media(media_id)
        elsewhere = [f"{one.account}/{one.region}" for one in near if one.media_id == media_id]
        if elsewhere:
            return UsageError(
                f"{message}; it is in {', '.join(elsewhere)}: see --account, --region"
            )
        here = [one.media_id for one in near if one.is_here]
        if here:
            return UsageError(f"{message}; did you mean {', '.join(here)}?")
        return UsageError(f"{message}; load it first, or check the id with: vod-batch export")

    async def _count(self, name: str, selection: Selection, *words: str) -> int:
        row = await self._database.fetch_row(name, self.target.id, *selection.arguments, *words)
        return int(row["n"]) if row else 0


_PREFIX = 8
"""How many leading characters make an id a near miss."""

_PAST_ANY_ID = "\x7f"
"""Sorts behind every character of a media id."""
