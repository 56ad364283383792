"""GetJobDetail: one job, and what started it (``vod-api.md`` 2.4)."""

from typing import Any

from batch.emulator.actions.shared import can_be_found, check_job_type, describe_progress
from batch.emulator.call import Call
from batch.emulator.refusals import Refused
from batch.emulator.world import World

_JOB_TYPES = ("transcode", "snapshot", "ai", "workflow")


def get_job_detail(world: World, call: Call) -> dict[str, Any]:
    """Return a job of the caller's account; one that cannot be found yet does not exist."""
    job_id = call.get("JobId")
    if not job_id:
        raise Refused("missing_job_id")
    job_type = check_job_type(call, _JOB_TYPES)
    job = world.jobs.get(job_id, call.account) if job_type == "ai" else None
    if job is None or not can_be_found(world, job):
        raise Refused("unknown_job", job_id)
    detail = {
        **describe_progress(world, job),
        "MediaId": job.media_id,
        "JobType": job.type,
        "TemplateConfig": job.config or "",
        "Trigger": job.trigger,
    }
    return {"JobType": job_type, "AIJobDetail": detail}
