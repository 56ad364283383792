"""How a doubt is settled by what a look-up shows (``design.md`` 4, ``vod-api.md`` 12)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import assert_never

from batch.core.models import JobType

DATE_WINDOW = timedelta(minutes=15)
"""The gateway refuses a request older than this by its own date (``vod-api.md`` 6.4)."""

_RESOLUTION = timedelta(seconds=1)
"""Times of jobs and of answers come in whole seconds."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submission in doubt: what was asked, and when its request was signed (UTC).

    ``receipts`` are JobIds that the answer named without saying that they are of this type.
    """

    job_type: JobType
    signed_at: datetime
    receipts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that a look-up showed and the ledger does not know; the time is the cloud's, UTC."""

    job_id: str
    job_type: str | None
    created_at: datetime | None
    is_manual: bool


class Lookup(Enum):
    """What holds a look-up to account: whether it shows the newest job of the type that we know."""

    SHOWS = auto()
    HIDES = auto()
    SHOWS_OLDER = auto()
    """It does, but a job of the request in doubt would be younger: how late it is stays open."""
    NOTHING_KNOWN = auto()
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """The job is the submission's."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No job exists: the submission may be sent again."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Only a person can tell."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is proven yet; look again later."""

    why: str


Decision = Adopt | Absent | Ask | Wait


def in_send_window(created_at: datetime, signed_at: datetime, skew: timedelta) -> bool:
    """Tell whether a job made at ``created_at`` may come from a request signed at ``signed_at``.

    ``skew`` is the cloud's clock less ours. A job made before the request's own time never does;
    one made later than the gateway would have taken the request does not either.
    """
    earliest = signed_at + skew - _RESOLUTION
    latest = signed_at + skew + DATE_WINDOW + _RESOLUTION
    return earliest <= created_at <= latest


def decide(
    doubt: Doubt,
    candidates: Collection[Candidate],
    *,
    now: datetime,
    skew: timedelta,
    settle: timedelta,
    lookup: Lookup,
    may_be_cut: bool = False,
) -> Decision:
    """Settle ``doubt`` by the unknown jobs of its media.

    Once ``settle`` has passed, a list without ours means that there is no job, as far as ``lookup``
    can be believed. ``may_be_cut`` says that the list does not reach back to the request.
    """
    undated = [job for job in candidates if _could_be(doubt, job) and job.created_at is None]
    if undated:
        return Ask(f"the cloud lists {_names(undated)} without a time")
    ours = [
        job
        for job in candidates
        if _could_be(doubt, job)
        and job.created_at
        and in_send_window(job.created_at, doubt.signed_at, skew)
    ]
    if len(ours) == 1:
        return Adopt(ours[0].job_id)
    if ours:
        return Ask(f"several jobs fit: {_names(ours)}")
    if now < doubt.signed_at + settle:
        return Wait(f"no trace yet; absence counts from {doubt.signed_at + settle:%H:%M:%S} UTC on")
    if near := [job for job in candidates if _could_be(doubt, job) and _is_near(job, doubt)]:
        return Ask(f"{_names(near)} would fit if the clock that signed was off")
    if doubt.receipts:
        return Ask(f"the answer named {', '.join(doubt.receipts)} beside what was asked for")
    if may_be_cut:
        return Ask("the cloud's list begins after the request, so it may be cut short")
    return _absence(lookup)


def _absence(lookup: Lookup) -> Decision:
    match lookup:
        case Lookup.SHOWS:
            return Absent()
        case Lookup.HIDES:
            return Wait("the look-up does not show a job of this type that is known to exist")
        case Lookup.SHOWS_OLDER:
            return Ask(
                "no job is known that is younger, so how late look-ups are cannot be told yet"
            )
        case Lookup.NOTHING_KNOWN:
            return Ask("no look-up has ever shown a job of this type, so none found proves nothing")
    assert_never(lookup)


def _could_be(doubt: Doubt, job: Candidate) -> bool:
    return job.is_manual and job.job_type == doubt.job_type


def _is_near(job: Candidate, doubt: Doubt) -> bool:
    """Tell whether the job fits by any clock that the gateway takes a request of.

    The clock that signed may be another machine's, or have been set since: nobody knows its skew.
    """
    assert job.created_at
    return abs(job.created_at - doubt.signed_at) <= DATE_WINDOW + _RESOLUTION


def _names(jobs: Collection[Candidate]) -> str:
    return ", ".join(sorted(job.job_id for job in jobs))
