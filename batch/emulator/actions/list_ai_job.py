"""ListAIJob: the state and result of known jobs (``vod-api.md`` 2.1)."""

import json
from typing import Any

from batch.emulator.actions.get_ai_video_tag_result import TAGS
from batch.emulator.actions.get_media_dna_result import dna_of
from batch.emulator.actions.shared import split_ids
from batch.emulator.call import Call
from batch.emulator.clock import iso_seconds
from batch.emulator.jobs import Job
from batch.emulator.models import MEDIA_DNA
from batch.emulator.world import World


def list_ai_job(world: World, call: Call) -> dict[str, Any]:
    """Return the asked-for jobs of the caller's account; ids it does not own do not exist."""
    job_ids = split_ids(call.get("JobIds"), world.settings.list_jobs.max_job_ids, "job_ids")
    found = {job_id: world.jobs.get(job_id, call.account) for job_id in job_ids}
    return {
        "AIJobList": {"AIJob": [_describe(world, job) for job in found.values() if job]},
        "NonExistAIJobIds": {"String": [job_id for job_id, job in found.items() if not job]},
    }


def _describe(world: World, job: Job) -> dict[str, str]:
    """Return all fields as strings; result, completion time and code come with the end."""
    status = world.jobs.status(job)
    entry = {
        "JobId": job.job_id,
        "MediaId": job.media_id,
        "Type": job.type,
        "Status": status,
        "CreationTime": iso_seconds(job.created_wall),
        **world.jobs.completion(job),
    }
    if status == "fail":
        failing = world.settings.jobs
        entry |= {"Code": failing.fail_code, "Message": failing.fail_message, "Data": ""}
    elif status == "success":
        media = world.settings.media
        result = dna_of(media, job.media_id) if job.type == MEDIA_DNA else TAGS
        entry |= {"Code": "0", "Message": "OK", "Data": json.dumps(result)}
    return entry
