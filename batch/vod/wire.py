"""What we send to the cloud and what we read from it, as frozen values.

Facts: ``vod-api.md`` 1 (submit), 2.1 (ListAIJob). Reading tolerates extra keys and drops what it
cannot use; it never raises on an answer's content, except :class:`UnreadableError` for an answer
that is not of the operation's shape at all.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from batch.core.doubt import LISTED_TYPES
from batch.core.models import Claim
from batch.core.outcome import Failure
from batch.core.request_line import submit_parameters

SUBMIT = "SubmitAIJob"
LIST_AI_JOBS = "ListAIJob"

MAX_JOB_IDS = 10
"""Most JobIds that one ``ListAIJob`` takes (``vod-api.md`` 2.1)."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_EARLIEST = datetime(2017, 3, 21, tzinfo=UTC)
"""The API's own version."""
_LATEST = timedelta(days=366)
"""No zone and no wrong clock is so far ahead of ours."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request, complete: the same four values always make the same bytes.

    ``target`` is path and query as they stand in the request line. ``headers`` hold the signature
    and perhaps an STS token, so they stay out of the repr.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str] = field(repr=False)


class CloudStatus(StrEnum):
    """The cloud's word on a job: the four of ``ListAIJob``, and two that only GetJobDetail has.

    ``UNKNOWN`` is any other word: the job is open, for all that we know.
    """

    RESERVED = "reserved"
    INIT = "init"
    PROCESSING = "processing"
    ANALYSING = "analysing"
    SUCCESS = "success"
    FAIL = "fail"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job as ``ListAIJob`` shows it. Times are UTC, to the second.

    ``word`` is the status as it came, ``None`` where none did. ``code`` and ``message`` mean
    something when the status is ``fail``. ``data`` is the result as JSON text; its structure
    depends on ``type`` (``vod-api.md`` 2.5).
    """

    job_id: str
    media_id: str | None
    type: str | None
    status: CloudStatus
    code: str | None
    message: str | None
    created_at: datetime | None
    completed_at: datetime | None
    data: str | None = field(repr=False)
    word: str | None = None

    def unseen(self) -> Iterator[tuple[str, str]]:
        """Yield each field and word of it that no document knows."""
        if self.status is CloudStatus.UNKNOWN:
            yield "Status", self.word or "(none)"
        if (self.type or "").casefold() not in LISTED_TYPES:
            yield "Type", self.type or "(none)"


@dataclass(frozen=True, slots=True)
class JobPage:
    """The answer to one ``ListAIJob``; an asked id in neither part was not spoken of.

    Each job is in ``jobs`` once.
    """

    request_id: str | None
    jobs: tuple[JobStatus, ...]
    unknown_ids: tuple[str, ...]


class UnreadableError(Exception):
    """A 200 whose JSON is not of the operation's shape."""


class QueryFailed(Exception):  # noqa: N818 - it names what happened, and ``outcome`` says why
    """A read-only call gave no answer; ``outcome`` says why. It may be called again."""

    def __init__(self, action: str, outcome: Failure) -> None:
        super().__init__(f"{action}: {outcome}")
        self.action = action
        self.outcome = outcome


@lru_cache(maxsize=16)  # what was begun together shares its moment
def format_time(moment: datetime) -> str:
    """Return ``moment`` as the API writes time: UTC, whole seconds. Naive: ValueError."""
    if moment.tzinfo is None:
        message = "a time without a zone cannot be signed"
        raise ValueError(message)
    return moment.astimezone(UTC).strftime(_TIME)


def parse_time(value: object) -> datetime | None:
    """Read a time of the API; None for anything that is not ``yyyy-MM-ddTHH:mm:ssZ``.

    None too for a time before the API was, or long after now: the zero of some clock, or the end
    of all time, means a time that is not known.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.strptime(value, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    is_one = moment >= _EARLIEST and moment - datetime.now(UTC) <= _LATEST
    return moment if is_one else None


def submit_params(claim: Claim) -> dict[str, str]:
    """Return the query parameters of ``SubmitAIJob`` for ``claim`` (``vod-api.md`` 1.1)."""
    return submit_parameters(
        claim.media_id, claim.types, claim.config, claim.user_data, claim.nonce
    )


def read_job_page(body: Mapping[str, object]) -> JobPage:
    """Read the answer of ``ListAIJob``. Raises UnreadableError when neither list is there."""
    wrapper, unknown = body.get("AIJobList"), body.get("NonExistAIJobIds")
    listed = wrapper.get("AIJob") if isinstance(wrapper, Mapping) else None
    entries = listed if isinstance(listed, list) else None
    if entries is None and unknown is None:
        message = "a 200 with neither AIJobList nor NonExistAIJobIds"
        raise UnreadableError(message)
    jobs: dict[str, JobStatus] = {}
    for entry in entries or ():
        job = _job(entry) if isinstance(entry, Mapping) else None
        if job is not None:
            jobs[job.job_id] = _agreed(jobs.get(job.job_id, job), job)
    return JobPage(
        request_id=text_of(body.get("RequestId")),
        jobs=tuple(jobs.values()),
        unknown_ids=ids_of(unknown),
    )


def _agreed(one: JobStatus, other: JobStatus) -> JobStatus:
    """Return what two entries for one job say alike: where they differ it is not known."""
    kind = other.type if one.type == other.type else None
    if one.status is other.status:
        return replace(other, type=kind)
    word = f"{one.word}, {other.word}"
    return replace(other, type=kind, status=CloudStatus.UNKNOWN, word=word)


def _job(entry: Mapping[str, object]) -> JobStatus | None:
    job_id = text_of(entry.get("JobId"))
    if job_id is None:
        return None
    return JobStatus(
        job_id=job_id,
        media_id=text_of(entry.get("MediaId")),
        type=text_of(entry.get("Type")),
        status=_status(entry.get("Status")),
        code=text_of(entry.get("Code")),
        message=text_of(entry.get("Message")),
        created_at=parse_time(entry.get("CreationTime")),
        completed_at=parse_time(entry.get("CompleteTime")),
        data=_json_text(entry.get("Data")),
        word=text_of(entry.get("Status")),
    )


def _status(value: object) -> CloudStatus:
    """Only the documented words, in any case, say in which state a job is."""
    try:
        return CloudStatus(value.casefold()) if isinstance(value, str) else CloudStatus.UNKNOWN
    except ValueError:
        return CloudStatus.UNKNOWN


def ids_of(value: object) -> tuple[str, ...]:
    """Read ids as ``{"String": [...]}``, a JSON text of either, or a list (``vod-api.md`` 2.1)."""
    if isinstance(value, Mapping):
        value = value.get("String")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
        return ids_of(value) if not isinstance(value, str) else ()
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str) and item)


def text_of(value: object) -> str | None:
    """Keep a non-empty text, without what a database or a terminal could not hold."""
    if not isinstance(value, str) or not value:
        return None
    if value.isprintable():
        return value
    return "".join(char if char.isprintable() else " " for char in value)


def _json_text(value: object) -> str | None:
    """Return a result as JSON text that UTF-8 can hold; an object is dumped."""
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode().replace("\0", " ")
