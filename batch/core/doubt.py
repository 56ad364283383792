"""How a doubt is settled by what a look-up shows (``vod-api.md`` 12)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import assert_never

from batch.core.learnt import TypeLearnt
from batch.core.models import JobType

DATE_WINDOW = timedelta(minutes=15)
"""The gateway refuses a request older than this by its own date (``vod-api.md`` 6.4)."""

OLDEST_DATE = DATE_WINDOW - timedelta(minutes=1)
"""A request of ours leaves no later: a minute is kept for clocks and for its own way."""

_RESOLUTION = timedelta(seconds=1)
"""Times of jobs and of answers come in whole seconds."""

_HOUR = timedelta(hours=1)
_LARGEST_OFFSET = 14 * _HOUR
"""How far a clock that shows the time of another zone is off at the most."""

AUTO, MANUAL = "Auto", "Manual"
"""GetJobDetail's words for what started a job: the service by itself, or a call (2.4)."""

LISTED_TYPES = frozenset({*(t.value.casefold() for t in JobType), "aimediaaudit"})
"""ListAIJob's documented words, without case; any other word names no type that we know."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submission in doubt: what was asked, and when its request was signed (UTC).

    ``receipts`` are JobIds that the answer named without saying that they are of this type.
    ``rivals`` are the times of other requests for the same media and type whose outcome is not
    known either. ``own`` is what known jobs of the type have shown.
    """

    job_type: JobType
    signed_at: datetime
    receipts: tuple[str, ...] = ()
    rivals: tuple[datetime, ...] = ()
    own: TypeLearnt = field(default_factory=TypeLearnt)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that a look-up showed and the ledger does not know; the time is the cloud's, UTC.

    ``type`` is ListAIJob's word and ``trigger`` GetJobDetail's, ``None`` where they said none.
    ``is_contested`` says that the ledger holds it for another request, perhaps by mistake.
    """

    job_id: str
    type: str | None
    created_at: datetime | None
    trigger: str | None
    is_contested: bool = False


class Lookup(Enum):
    """How far a look-up can be believed: does it show the newest known job of the type?"""

    SHOWS = auto()
    HIDES = auto()
    """Not, or not as soon as the request in doubt is old."""
    SHOWS_OLDER = auto()
    """It does, but a job of the request in doubt would be younger: how late it is stays open."""
    SHOWS_ODDLY = auto()
    """It does, but by what it says of it we would not have found it."""
    NOTHING_KNOWN = auto()
    """There is no such job."""
    UNLEARNT = auto()
    """Too few known jobs have been looked up, and no probe was made."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """The job is the submission's."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No job exists: the submission may be sent again."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Only a person can decide."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is proven yet; look again later."""

    why: str


Decision = Adopt | Absent | Ask | Wait


def in_send_window(created_at: datetime, signed_at: datetime, skew: timedelta) -> bool:
    """Return whether a job made at ``created_at`` may come from a request signed at ``signed_at``.

    ``skew`` is the cloud's clock less ours. A job made before the request's own time never does;
    one made later than the gateway would have taken the request does not either.
    """
    earliest = signed_at + skew - _RESOLUTION
    latest = signed_at + skew + DATE_WINDOW + _RESOLUTION
    return earliest <= created_at <= latest


def is_near(created_at: datetime, signed_at: datetime) -> bool:
    """Return whether a job may come from a request by any clock that either of them was made by.

    The clock that signed may be another machine's, or have been set since; the cloud's may show
    the time of another zone, whole hours off.
    """
    apart = abs(created_at - signed_at)
    tolerance = DATE_WINDOW + _RESOLUTION
    to_the_hour = min(apart % _HOUR, _HOUR - apart % _HOUR)
    return apart <= _LARGEST_OFFSET + tolerance and to_the_hour <= tolerance


def may_concern(created_at: datetime | None, signed_at: datetime, skew: timedelta) -> bool:
    """Return whether a job of that time need be looked at for a request at all."""
    if created_at is None:
        return True
    reach = _LARGEST_OFFSET + DATE_WINDOW + _RESOLUTION
    apart = created_at - signed_at
    return min(abs(apart), abs(apart - skew)) <= reach


def is_none_of(job: Candidate, job_type: JobType, own: TypeLearnt) -> bool:
    """Return whether a job is positively none of our requests for ``job_type``.

    Another type that ListAIJob names by a documented word, or ``Auto``; what our own jobs of the
    type have shown excludes nothing. An unknown word, a list of words, or none, proves nothing.
    """
    if job.trigger == AUTO and AUTO not in own.triggers:
        return True
    word = (job.type or "").casefold()
    ours = {job_type.casefold(), *(seen.casefold() for seen in own.list_words)}
    return word in LISTED_TYPES and word not in ours


def is_named(job: Candidate, job_type: JobType) -> bool:
    """Return whether ListAIJob names the job's type as ``job_type``."""
    return (job.type or "").casefold() == job_type.casefold()


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
    possible = [job for job in candidates if not is_none_of(job, doubt.job_type, doubt.own)]
    if undated := [job for job in possible if job.created_at is None]:
        return Ask(f"the cloud lists {_names(undated)} without a time")
    is_early = now < doubt.signed_at + settle
    dated = [(job, job.created_at) for job in possible if job.created_at]
    fitting = [job for job, made in dated if in_send_window(made, doubt.signed_at, skew)]
    if fitting:
        return _decide_between(doubt, fitting, skew, is_early=is_early)
    if is_early:
        return Wait(f"no trace yet; absence counts from {doubt.signed_at + settle:%H:%M:%S} UTC on")
    if near := [job for job, made in dated if is_near(made, doubt.signed_at)]:
        return Ask(f"{_names(near)} would fit if a clock was off")
    if doubt.receipts:
        return Ask(f"the answer named {', '.join(doubt.receipts)} beside what was asked for")
    if may_be_cut:
        return Ask("the cloud's list does not reach beyond the request, so it may be cut short")
    return _absence(lookup)


def _decide_between(
    doubt: Doubt, fitting: Sequence[Candidate], skew: timedelta, *, is_early: bool
) -> Decision:
    """Take the only job in the send window, if it is surely of this type and of this request."""
    if len(fitting) > 1:
        return Ask(f"several jobs fit: {_names(fitting)}")
    [job] = fitting
    if job.type is None and is_early:
        return Wait(f"{job.job_id} may be its job; ListAIJob does not show its type yet")
    if not is_named(job, doubt.job_type):
        named = f"calls its type {job.type!r}" if job.type else "does not show its type"
        return Ask(f"{job.job_id} was made in time, and ListAIJob {named}")
    if job.is_contested:
        return Ask(f"{job.job_id} fits, and the ledger holds it as another request's job")
    assert job.created_at
    if any(in_send_window(job.created_at, rival, skew) for rival in doubt.rivals):
        return Ask(f"{job.job_id} fits another request of this media and type as well")
    return Adopt(job.job_id)


def _absence(lookup: Lookup) -> Decision:
    match lookup:
        case Lookup.SHOWS:
            return Absent()
        case Lookup.HIDES:
            return Wait("the look-up does not show a job of this type that is known to exist")
        case Lookup.SHOWS_OLDER:
            return Ask("no job is known that is younger, so how late look-ups are is not known yet")
        case Lookup.SHOWS_ODDLY:
            return Ask(
                "the newest known job of this type is shown with a time, type or Trigger by which "
                "it would not be found"
            )
        case Lookup.NOTHING_KNOWN:
            return Ask("no look-up has ever shown a job of this type, so none found proves nothing")
        case Lookup.UNLEARNT:
            return Ask(
                "too few known jobs have been looked up to know this account's cloud "
                "(vod-batch doctor --probe learns it)"
            )
    assert_never(lookup)


def _names(jobs: Collection[Candidate]) -> str:
    return ", ".join(sorted(job.job_id for job in jobs))
