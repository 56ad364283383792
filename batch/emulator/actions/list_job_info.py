"""ListJobInfo: the jobs of a media (``vod-api.md`` 2.2)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.calls import Call
from batch.emulator.jobs import Job
from batch.emulator.lookup import can_be_found, check_media, describe_progress
from batch.emulator.parameters import check_job_type
from batch.emulator.state import State

_JOB_TYPES = ("transcode", "snapshot", "ai")


def list_job_info(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Return the caller's account's jobs of a media; other kinds than ``ai`` are never there."""
    media_id = call.get("MediaId")
    job_type = check_job_type(call, _JOB_TYPES)
    check_media(state, media_id)
    jobs = _find(state, media_id, key.account) if job_type == "ai" else []
    return {
        "MediaId": media_id,
        "JobType": job_type,
        "JobInfoList": [describe_progress(state, job) for job in jobs],
    }


def _find(state: State, media_id: str, account: str) -> list[Job]:
    """Return the jobs to list; order, number and coverage are undocumented."""
    settings = state.settings.lookup
    jobs = [
        job
        for job in state.jobs.of_media(media_id, account)
        if job.type in settings.covers and can_be_found(state, job)
    ]
    if settings.order == "newest":
        jobs.reverse()
    return jobs[: settings.max_entries or None]
