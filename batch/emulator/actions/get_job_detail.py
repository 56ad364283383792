"""GetJobDetail: one job, and what started it (``vod-api.md`` 2.4)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.lookup import can_be_found, describe_progress
from batch.emulator.parameters import check_job_type
from batch.emulator.state import State

_JOB_TYPES = ("transcode", "snapshot", "ai", "workflow")


def get_job_detail(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Return a job of the caller's account; one that cannot be found yet does not exist."""
    job_id = call.get("JobId")
    if not job_id:
        raise Refused("missing_job_id")
    job_type = check_job_type(call, _JOB_TYPES)
    job = state.jobs.get(job_id, key.account) if job_type == "ai" else None
    if job is None or not can_be_found(state, job):
        raise Refused("unknown_job", job_id)
    detail = {
        **describe_progress(state, job),
        "MediaId": job.media_id,
        "JobType": job.type,
        "TemplateConfig": job.config or "",
        "Trigger": job.trigger,
    }
    return {"JobType": job_type, "AIJobDetail": detail}
