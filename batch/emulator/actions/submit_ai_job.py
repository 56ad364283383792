"""SubmitAIJob: start AI jobs for one media (``vod-api.md`` 1)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.jobs import Job
from batch.emulator.parameters import check_config, check_types, check_user_data
from batch.emulator.state import State


def submit_ai_job(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Make one job a type; all parameters are checked before the first job exists."""
    media_id = call.get("MediaId")
    state.library.check(media_id)
    _check_status(state, media_id)
    types = check_types(call.get("Types"), state.settings)
    if config := call.get("Config"):
        check_config(config, state.settings.submit)
    if user_data := call.get("UserData"):
        check_user_data(user_data, state.settings.submit)
    jobs = _make_jobs(state, call, key, media_id, types)
    state.automatic.submitted(media_id, key.account)
    return {
        "AIJobList": {
            "AIJob": [
                {"JobId": job.job_id, "MediaId": job.media_id, "Type": job.type} for job in jobs
            ]
        }
    }


def _check_status(state: State, media_id: str) -> None:
    """Refuse a media in a state no job is made for; undocumented (``vod-api.md`` 1.7)."""
    if (refused := state.settings.submit.refused_statuses) and (
        status := state.library.status(media_id)
    ) in refused:
        raise Refused("illegal_status", status)


def _make_jobs(
    state: State, call: Call, key: AccessKey, media_id: str, types: list[str]
) -> list[Job]:
    """Apply the duplicate policy (undocumented, ``vod-api.md`` 1.1), then start the jobs."""
    policy = state.settings.submit.duplicates
    running: dict[str, Job] = {}
    if policy != "another_job":
        for name in types:
            if job := state.jobs.unfinished(media_id, name, key.account):
                running[name] = job
    if running and policy == "refuse":
        raise Refused("duplicate_job", ",".join(running))
    return [
        running.get(name) or state.jobs.make(call, key.account, media_id, name) for name in types
    ]
