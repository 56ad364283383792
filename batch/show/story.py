"""One media's whole story: its origin, every attempt, what came of it, what holds it now."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from batch.core.models import Target
from batch.core.states import State
from batch.ledger.database import Database
from batch.ledger.operators import Operators
from batch.show.cost_story import StoryCost, story_costs
from batch.show.ruling import Facts, HeldBy, Ruling, rule

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for a submission; times are UTC by the database, ``signed_at`` by the worker.

    ``outcome`` is ``None`` while it is on the wire. ``closed_by`` names who had the submission sent
    again after this attempt's job had failed.
    """

    lease: int
    begun_at: datetime
    ended_at: datetime | None
    signed_at: datetime
    outcome: str | None
    http_status: int | None
    code: str | None
    message: str | None
    request_id: str | None
    nonce: str
    job_ids: tuple[str, ...]
    replayed_at: datetime | None
    closed_by: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a submission: when, from where to where, by whom and why. Time is UTC."""

    at: datetime
    from_state: str
    to_state: str
    lease: int
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class PastHold:
    """A hold that kept, or keeps, a submission from being sent. Times are UTC."""

    scope: str
    held_at: datetime
    held_by: str
    reason: str
    released_at: datetime | None
    released_by: str | None


@dataclass(frozen=True, slots=True)
class SubmissionStory:
    """Everything the ledger knows about one submission. Times are UTC."""

    id: int
    job_type: str
    campaign: str
    config: str | None
    user_data: str | None
    priority: int
    batch: int
    source: str | None
    loaded_at: datetime | None
    line: int
    state: str
    job_id: str | None
    request_id: str | None
    error_code: str | None
    error_message: str | None
    submitted_at: datetime | None
    finished_at: datetime | None
    means: str
    holding: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    history: tuple[Move, ...]
    holds: tuple[PastHold, ...]
    cost: StoryCost | None


@dataclass(frozen=True, slots=True)
class Story:
    """The story of one media in one target, its submissions in the order of their loading."""

    media_id: str
    account: str
    region: str
    submissions: tuple[SubmissionStory, ...]

    def facts(self) -> dict[str, Any]:
        """Return plain values; times in ISO 8601, no cost where none was begun."""
        facts = asdict(self, dict_factory=_plain)
        for submission in facts["submissions"]:
            if submission["cost"] is None:
                del submission["cost"]
        return facts


async def tell_story(
    database: Database,
    target: Target,
    media_id: str,
    *,
    settle: timedelta,
    max_attempts: int,
    silence: timedelta,
) -> Story:
    """Return the whole story of a media.

    ``settle`` and ``max_attempts`` are those of the settings, ``silence`` is how long a worker may
    be silent before it counts as dead.

    Raises:
        UsageError: the target has no submission of the media; the message names near misses.
        DatabaseUnavailableError: the ledger does not answer.
    """
    rows = await database.fetch("story_submissions", target.id, media_id)
    if not rows:
        raise await Operators(database, target).unknown_error(media_id)
    ids = [row["id"] for row in rows]
    attempts = _by_submission(await database.fetch("story_attempts", ids), _attempt)
    moves = _by_submission(await database.fetch("story_moves", ids), _move)
    holds = _by_submission(await database.fetch("story_holds", ids), _hold)
    costs = await story_costs(database, ids)
    submissions = []
    for row in rows:
        own_attempts, own_holds = attempts.get(row["id"], ()), holds.get(row["id"], ())
        facts = _facts(row, own_attempts, own_holds, settle, max_attempts, silence)
        submissions.append(
            _submission(
                row,
                rule(facts),
                own_attempts,
                moves.get(row["id"], ()),
                own_holds,
                costs.get(row["id"]),
            )
        )
    return Story(media_id, target.account, target.region, tuple(submissions))


def _by_submission(
    rows: Sequence[asyncpg.Record], make: Callable[[asyncpg.Record], _T]
) -> dict[int, tuple[_T, ...]]:
    found: dict[int, list[_T]] = {}
    for row in rows:
        found.setdefault(row["submission_id"], []).append(make(row))
    return {submission: tuple(parts) for submission, parts in found.items()}


def _attempt(row: asyncpg.Record) -> Attempt:
    return Attempt(
        lease=row["lease"],
        begun_at=row["begun_at"],
        ended_at=row["ended_at"],
        signed_at=row["signed_at"],
        outcome=row["outcome"],
        http_status=row["http_status"],
        code=row["code"],
        message=row["message"],
        request_id=row["request_id"],
        nonce=row["nonce"],
        job_ids=(*([row["job_id"]] if row["job_id"] else []), *row["extra_job_ids"]),
        replayed_at=row["replayed_at"],
        closed_by=row["closed_by"],
    )


def _move(row: asyncpg.Record) -> Move:
    return Move(
        row["at"], row["from_state"], row["to_state"], row["lease"], row["actor"], row["reason"]
    )


def _hold(row: asyncpg.Record) -> PastHold:
    return PastHold(
        row["scope"],
        row["held_at"],
        row["held_by"],
        row["reason"],
        row["released_at"],
        row["released_by"],
    )


def _facts(
    row: asyncpg.Record,
    attempts: Sequence[Attempt],
    holds: Sequence[PastHold],
    settle: timedelta,
    max_attempts: int,
    silence: timedelta,
) -> Facts:
    last = attempts[-1] if attempts else None
    seen = row["worker_heartbeat_at"]
    return Facts(
        media_id=row["media_id"],
        state=State(row["state"]),
        batch=row["batch_id"],
        is_due=row["is_due"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        max_attempts=max_attempts,
        cooldown_until=row["cooldown_until"],
        waits_for=row["waits_for"],
        is_waiting=row["is_waiting"],
        held_by=tuple(
            HeldBy(hold.scope, hold.held_at, hold.held_by, hold.reason)
            for hold in holds
            if hold.released_at is None
        ),
        job_id=row["job_id"],
        code=row["error_code"],
        message=row["error_message"],
        reason=row["reason"],
        signed_at=last.signed_at if last else None,
        was_replayed=bool(last and last.replayed_at),
        replay_confirmed=row["replay_confirmed_at"] is not None,
        settle=settle,
        polled_at=row["polled_at"],
        worker=f"{row['worker_host']}, pid {row['worker_pid']}" if row["worker_host"] else None,
        worker_seen_at=seen,
        worker_silence=silence,
        now=row["now"],
        carried_over=row["carried_over"],
        is_perhaps_paid=row["is_perhaps_paid"],
        is_set_back=row["is_set_back"],
    )


def _submission(
    row: asyncpg.Record,
    ruling: Ruling,
    attempts: tuple[Attempt, ...],
    moves: tuple[Move, ...],
    holds: tuple[PastHold, ...],
    cost: StoryCost | None,
) -> SubmissionStory:
    return SubmissionStory(
        id=row["id"],
        job_type=row["job_type"],
        campaign=row["campaign"],
        config=row["config"],
        user_data=row["user_data"],
        priority=row["priority"],
        batch=row["batch_id"],
        source=row["source"],
        loaded_at=row["loaded_at"],
        line=row["line"],
        state=row["state"],
        job_id=row["job_id"],
        request_id=row["request_id"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        submitted_at=row["submitted_at"],
        finished_at=row["finished_at"],
        means=ruling.means,
        holding=ruling.holding,
        attempts=attempts,
        history=moves,
        holds=holds,
        cost=cost,
    )


def _plain(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields
    }
