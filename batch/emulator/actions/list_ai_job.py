"""ListAIJob: the state and result of known jobs (``vod-api.md`` 2.1)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.calls import Call
from batch.emulator.clock import iso_seconds
from batch.emulator.jobs import Job
from batch.emulator.parameters import check_job_ids
from batch.emulator.results import result_text
from batch.emulator.state import State


def list_ai_job(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Return the asked-for jobs of the caller's account; ids it does not own do not exist."""
    job_ids = check_job_ids(call, state.settings.list_jobs.max_job_ids)
    found = {job_id: state.jobs.get(job_id, key.account) for job_id in job_ids}
    return {
        "AIJobList": {"AIJob": [_describe(state, job) for job in found.values() if job]},
        "NonExistAIJobIds": {"String": [job_id for job_id, job in found.items() if not job]},
    }


def _describe(state: State, job: Job) -> dict[str, str]:
    """Return all fields as strings; result, completion time and code come with the end."""
    status = state.jobs.status(job)
    entry = {
        "JobId": job.job_id,
        "MediaId": job.media_id,
        "Type": job.type,
        "Status": status,
        "CreationTime": iso_seconds(job.created_wall),
    }
    if not state.jobs.has_ended(job):
        return entry
    entry["CompleteTime"] = iso_seconds(state.jobs.completed_wall(job))
    if status == "fail":
        failing = state.settings.jobs
        return entry | {"Code": failing.fail_code, "Message": failing.fail_message, "Data": ""}
    data = result_text(state.settings.media, job.media_id, job.type)
    return entry | {"Code": "0", "Message": "OK", "Data": data}
