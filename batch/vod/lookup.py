"""What the look-up actions answer, as frozen values (``vod-api.md`` 2.2, 2.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from batch.core.doubt import AUTO, MANUAL
from batch.vod.wire import CloudStatus, UnreadableError, parse_time, text_of

LIST_JOB_INFO = "ListJobInfo"
GET_JOB_DETAIL = "GetJobDetail"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One AI job of a media as ``ListJobInfo`` shows it; the time is UTC, to the second.

    ``status`` is the word as it came, ``None`` without one. Nothing is decided by it.
    """

    job_id: str
    created_at: datetime | None
    status: str | None = None

    def unseen(self) -> Iterator[tuple[str, str]]:
        """Yield each field and word of it that no document knows."""
        yield from _unseen_status(self.status)


@dataclass(frozen=True, slots=True)
class JobDetail:
    """One AI job as ``GetJobDetail`` shows it; the time is UTC, to the second.

    ``type`` is not of SubmitAIJob's vocabulary (``vod-api.md`` 2.4). ``trigger`` is the word as it
    came, ``None`` without one. ``config`` is its ``TemplateConfig``, ``None`` when there is none;
    what is of no text is shown as Python would.
    """

    job_id: str
    media_id: str | None
    type: str | None
    created_at: datetime | None
    trigger: str | None
    status: str | None = None
    config: str | None = None

    def unseen(self) -> Iterator[tuple[str, str]]:
        """Yield each field and word of it that no document knows."""
        if self.type not in _DETAIL_TYPES:
            yield "JobType", self.type or "(none)"
        if self.trigger not in _TRIGGERS:
            yield "Trigger", self.trigger or "(none)"
        yield from _unseen_status(self.status)


def _unseen_status(word: str | None) -> Iterator[tuple[str, str]]:
    if word and word.casefold() not in set(CloudStatus) - {CloudStatus.UNKNOWN}:
        yield "Status", word


_DETAIL_TYPES = {"AIVideoCensor", "AIMediaDNA", "AIVideoTag", "AIMediaAudit"}
"""The one documented word, and those of ListAIJob, which no surprise would be (2.4)."""

_TRIGGERS = {AUTO, MANUAL}


def read_job_infos(body: Mapping[str, object], media_id: str) -> tuple[JobInfo, ...]:
    """Read ``JobInfoList``, a plain array: all the jobs of a media.

    Raises UnreadableError when it is not there, is another's, or says itself that it is a part.
    """
    entries = body.get("JobInfoList")
    if not isinstance(entries, list):
        raise UnreadableError("a 200 without JobInfoList")
    if not _is_of(media_id, body.get("MediaId")):
        raise UnreadableError("a list of another media's jobs")
    if not _is_of("ai", body.get("JobType")):
        raise UnreadableError("a list of jobs of another kind")
    if _goes_on(body, len(entries)):
        raise UnreadableError("a list that goes on on another page")
    infos = []
    for entry in entries:
        job_id = entry.get("JobId") if isinstance(entry, Mapping) else None
        if not isinstance(job_id, str) or not job_id:
            # A list that cannot be read whole proves no absence.
            raise UnreadableError("an entry of JobInfoList without a JobId")
        status = text_of(entry.get("Status"))
        infos.append(JobInfo(job_id, parse_time(entry.get("CreateTime")), status))
    return tuple(infos)


def _is_of(asked: str, said: object) -> bool:
    """Return whether an answer may be about what was asked: it says so, or nothing."""
    return not isinstance(said, str) or said.casefold() in {"", asked.casefold()}


def _goes_on(body: Mapping[str, object], entries: int) -> bool:
    """Return whether a list says that it is not whole, by any name that pages have elsewhere.

    Paging is documented for none of the look-ups (``vod-api.md`` 2.2).
    """
    for key, value in body.items():
        word = key.casefold()
        if word.startswith("total") and _number(value) > entries:
            return True
        if word in _MORE and value not in _NO_MORE:
            return True
        if word.startswith("next") and value not in _NO_MORE:
            return True
    return False


_MORE = {"istruncated", "truncated", "hasmore", "more", "hasnext", "scrolltoken"}
_NO_MORE = (None, False, "", "false", "False", 0, "0")


def _number(value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) else 0


def read_job_detail(body: Mapping[str, object], asked: str) -> JobDetail:
    """Read ``AIJobDetail`` of the job that was asked for.

    Raises UnreadableError when it is not there, or is another's.
    """
    detail = body.get("AIJobDetail")
    if not isinstance(detail, Mapping):
        raise UnreadableError("a 200 without AIJobDetail")
    job_id, media_id = (detail.get(key) for key in ("JobId", "MediaId"))
    if not isinstance(job_id, str) or not job_id:
        raise UnreadableError("AIJobDetail without a JobId")
    if not _is_of(asked, job_id):
        raise UnreadableError("the detail of another job")
    return JobDetail(
        job_id,
        media_id if isinstance(media_id, str) else None,
        text_of(detail.get("JobType")),
        parse_time(detail.get("CreateTime")),
        text_of(detail.get("Trigger")),
        text_of(detail.get("Status")),
        _config(detail.get("TemplateConfig")),
    )


def _config(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else repr(value)
