"""What the look-up actions answer, as frozen values (``vod-api.md`` 2.2, 2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from batch.vod.wire import UnreadableError, parse_time

LIST_JOB_INFO = "ListJobInfo"
GET_JOB_DETAIL = "GetJobDetail"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One AI job of a media as ``ListJobInfo`` tells it; the time is UTC, to the second."""

    job_id: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobDetail:
    """One AI job as ``GetJobDetail`` tells it; the time is UTC, to the second.

    ``config`` is its ``TemplateConfig``, ``None`` when there is none; what is of no text is shown
    as Python would.
    """

    job_id: str
    media_id: str | None
    type: str | None
    created_at: datetime | None
    is_manual: bool
    trigger: str | None = None
    """The word itself: ``Auto``, ``Manual``, or one that no document knows."""
    config: str | None = None


def read_job_infos(body: Mapping[str, object]) -> tuple[JobInfo, ...]:
    """Read ``JobInfoList``, a plain array. Raises UnreadableError when it is not there."""
    entries = body.get("JobInfoList")
    if not isinstance(entries, list):
        raise UnreadableError("a 200 without JobInfoList")
    infos = []
    for entry in entries:
        job_id = entry.get("JobId") if isinstance(entry, Mapping) else None
        if not isinstance(job_id, str) or not job_id:
            # A list that cannot be read whole proves no absence.
            raise UnreadableError("an entry of JobInfoList without a JobId")
        infos.append(JobInfo(job_id, parse_time(entry.get("CreateTime"))))
    return tuple(infos)


def read_job_detail(body: Mapping[str, object]) -> JobDetail:
    """Read ``AIJobDetail``. Raises UnreadableError when it is not there."""
    detail = body.get("AIJobDetail")
    if not isinstance(detail, Mapping):
        raise UnreadableError("a 200 without AIJobDetail")
    job_id, media_id, job_type = (detail.get(key) for key in ("JobId", "MediaId", "JobType"))
    if not isinstance(job_id, str) or not job_id:
        raise UnreadableError("AIJobDetail without a JobId")
    trigger = detail.get("Trigger")
    return JobDetail(
        job_id,
        media_id if isinstance(media_id, str) else None,
        job_type if isinstance(job_type, str) else None,
        parse_time(detail.get("CreateTime")),
        str(detail.get("Trigger", "")).lower() == "manual",
        trigger if isinstance(trigger, str) else None,
        _config(detail.get("TemplateConfig")),
    )


def _config(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else repr(value)
