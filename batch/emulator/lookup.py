"""What ListJobInfo, GetJobDetail and results by media have in common (``vod-api.md`` 2.2-2.4)."""

from typing import Any

from batch.emulator.answers import Refused
from batch.emulator.clock import iso_seconds
from batch.emulator.jobs import Job
from batch.emulator.state import State

_SECONDS_PER_DAY = 86_400


def check_media(state: State, media_id: str) -> None:
    """Refuse a missing MediaId, and one of no media if it is so set."""
    if state.settings.lookup.unknown_media == "refuse":
        state.library.check(media_id)
    elif not media_id:
        raise Refused("missing_media_id")


def can_be_found(state: State, job: Job) -> bool:
    """Say whether queries know of ``job``: some time after its creation, for six months."""
    settings, age = state.settings.lookup, state.jobs.age(job)
    if age < settings.visible_after_seconds:
        return False
    return not settings.retention_days or age < settings.retention_days * _SECONDS_PER_DAY


def describe_progress(state: State, job: Job) -> dict[str, Any]:
    """Return the fields that both queries give; the completion time comes with the end."""
    entry: dict[str, Any] = {
        "JobId": job.job_id,
        "Status": state.jobs.stage(job),
        "UserId": state.keyring.user_id(job.account),
        "CreateTime": iso_seconds(job.created_wall),
    }
    if state.jobs.has_ended(job):
        entry["CompleteTime"] = iso_seconds(state.jobs.completed_wall(job))
    return entry
