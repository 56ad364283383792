"""What the ledger knows of media, from free looks."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from batch.core.models import JobType, Target
from batch.core.states import State
from batch.ledger.database import Database


@dataclass(frozen=True, slots=True)
class Look:
    """One media as the cloud showed it; ``seconds`` is its duration, if known."""

    media_id: str
    status: str
    seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class Aside:
    """A media whose rows are set aside: for good, or until ``due_in`` seconds from now."""

    media_id: str
    code: str
    message: str
    due_in: float | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A submission that was refused (``rejected``) or put off (``pending``)."""

    state: State
    media_id: str
    job_type: JobType


@dataclass(frozen=True, slots=True)
class Lengthless:
    """Submissions sent at a price and without a length, behind one id and up to another.

    ``media`` are those of them that are to be asked for.
    """

    behind: int
    last: int
    media: list[str]


_IN_FRONT = (32767, 0)
"""Of every row in sending order."""


class MediaLooks:
    """The ``media`` table of one target."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def unchecked(self, most: int, since: datetime) -> AsyncIterator[list[str]]:
        """Yield media of due rows not looked at since, some of at most ``most`` rows at a time.

        They come in sending order. A media whose look failed may come once more, for
        another of its rows.
        """
        place = _IN_FRONT
        while True:
            row = await self._database.fetch_row(
                "list_unchecked_media", self._target.id, *place, most, since
            )
            if row is None:
                return
            place = (row["priority"], row["id"])
            if row["media"]:
                yield list(dict.fromkeys(row["media"]))

    async def lengthless(self, most: int, since: datetime) -> AsyncIterator[Lengthless]:
        """Yield what was sent without a length, at most ``most`` submissions at a time.

        Its media are those that were not looked at since.
        """
        behind = 0
        while True:
            row = await self._database.fetch_row(
                "list_lengthless", self._target.id, behind, most, since
            )
            if row is None or row["last"] is None:
                return
            yield Lengthless(behind, row["last"], list(row["media"]))
            behind = row["last"]

    async def correct(self, those: Lengthless) -> int:
        """Give those the lengths that are known now, and the amounts that follow; say how many."""
        return len(
            await self._database.fetch("correct_amounts", self._target.id, those.behind, those.last)
        )

    async def unknown(self, media: Sequence[str]) -> list[str]:
        """Return those of ``media`` without a submission in the target, in their order."""
        rows = await self._database.fetch("unknown_media", self._target.id, list(media))
        return [row["media_id"] for row in rows]

    async def record(self, looks: Sequence[Look]) -> None:
        """Keep what was seen."""
        await self._database.fetch(
            "record_media",
            self._target.id,
            [look.media_id for look in looks],
            [look.status for look in looks],
            [look.seconds for look in looks],
        )

    async def set_aside(self, asides: Sequence[Aside], actor: str) -> list[SetAside]:
        """Refuse or put off due rows; return what became of each."""
        rows = await self._database.fetch(
            "set_aside",
            self._target.id,
            [aside.media_id for aside in asides],
            [aside.code for aside in asides],
            [aside.message for aside in asides],
            [aside.due_in for aside in asides],
            actor,
        )
        return [_set_aside(row) for row in rows]

    async def failed_statuses(self, statuses: Sequence[str], media: int) -> list[str]:
        """Return those of ``statuses`` (lower case) with which ``media`` failed, and no other."""
        rows = await self._database.fetch("failed_statuses", self._target.id, list(statuses), media)
        return [row["status"] for row in rows]

    async def put_off(self, status: str, aside: Aside, actor: str) -> list[SetAside]:
        """Put off the due rows of every media with a status (lower case)."""
        rows = await self._database.fetch(
            "put_off_status", self._target.id, status, aside.code, aside.message, aside.due_in,
            actor,
        )  # fmt: skip
        return [_set_aside(row) for row in rows]


def _set_aside(row: asyncpg.Record) -> SetAside:
    return SetAside(State(row["state"]), row["media_id"], JobType(row["job_type"]))
