"""ListJobInfo: the jobs of a media (``vod-api.md`` 2.2)."""

from typing import Any

from batch.emulator.actions.shared import (
    can_be_found,
    check_job_type,
    check_media,
    describe_progress,
)
from batch.emulator.call import Call
from batch.emulator.jobs import Job
from batch.emulator.world import World

_JOB_TYPES = ("transcode", "snapshot", "ai")


def list_job_info(world: World, call: Call) -> dict[str, Any]:
    """Return the caller's account's jobs of a media; other kinds than ``ai`` are never there."""
    job_type = check_job_type(call, _JOB_TYPES)
    media_id = check_media(world, call)
    jobs = _find(world, media_id, call.account) if job_type == "ai" else []
    return {
        "MediaId": media_id,
        "JobType": job_type,
        "JobInfoList": [describe_progress(world, job) for job in jobs],
    }


def _find(world: World, media_id: str, account: str) -> list[Job]:
    """Return the jobs to list; order, number and coverage are undocumented."""
    settings = world.settings.lookup
    jobs = [
        job
        for job in world.jobs.of_media(media_id, account)
        if job.type in settings.covers and can_be_found(world, job)
    ]
    if settings.order == "newest":
        jobs.reverse()
    return jobs[: settings.max_entries or None]
