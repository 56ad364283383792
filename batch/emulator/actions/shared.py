"""What several actions have in common."""

from collections.abc import Collection
from typing import Any

from batch.emulator.call import Call
from batch.emulator.clock import iso_seconds
from batch.emulator.jobs import Job
from batch.emulator.refusals import Refused
from batch.emulator.world import World

_SECONDS_PER_DAY = 86_400
_BYTES_A_SECOND = 250_000
"""Size is duration times this: two million bits a second."""


def split_ids(text: str, limit: int, parameter: str) -> list[str]:
    """Return the ids of a comma-separated list in the order asked for, each once.

    ``parameter`` is its name in refusals, such as ``job_ids``.
    """
    if not text:
        raise Refused(f"missing_{parameter}")
    ids = text.split(",")
    if len(ids) > limit:
        raise Refused(f"too_many_{parameter}", str(limit))
    return list(dict.fromkeys(ids))


def check_job_type(call: Call, known: Collection[str]) -> str:
    """Return the JobType of ListJobInfo or GetJobDetail (``vod-api.md`` 2.2, 2.4)."""
    job_type = call.get("JobType")
    if not job_type:
        raise Refused("missing_job_type")
    if job_type not in known:
        raise Refused("unknown_job_type", job_type)
    return job_type


def check_media(world: World, call: Call) -> str:
    """Return the MediaId; refuse a missing one, and one of no media if it is so set."""
    media_id = call.get("MediaId")
    if world.settings.lookup.unknown_media == "refuse" or not media_id:
        world.library.check(media_id)
    return media_id


def describe_media(world: World, media_id: str) -> dict[str, Any]:
    """Return what GetVideoInfos says of a media, and SearchMedia of what it is asked for."""
    library = world.library
    seconds = library.seconds(media_id)
    return {
        "VideoId": media_id,
        "Title": library.title(media_id),
        "Status": library.status(media_id),
        "Duration": seconds,
        "Size": int(seconds * _BYTES_A_SECOND),
        "CreationTime": library.created_at(media_id),
        **library.storage(media_id),
    }


def can_be_found(world: World, job: Job) -> bool:
    """Say whether queries know of ``job``: some time after its creation, for six months."""
    settings, age = world.settings.lookup, world.jobs.age(job)
    if age < settings.visible_after_seconds:
        return False
    return not settings.retention_days or age < settings.retention_days * _SECONDS_PER_DAY


def describe_progress(world: World, job: Job) -> dict[str, Any]:
    """Return the fields that ListJobInfo and GetJobDetail both give."""
    return {
        "JobId": job.job_id,
        "Status": world.jobs.stage(job),
        "UserId": world.keys.user_id(job.account),
        "CreateTime": iso_seconds(job.created_wall),
        **world.jobs.completion(job),
    }


def has_result(world: World, call: Call, job_type: str) -> bool:
    """Say whether a job of the type has succeeded; what happens if not is undocumented."""
    jobs = world.jobs.of_media(check_media(world, call), call.account)
    if any(job.type == job_type and world.jobs.stage(job) == "success" for job in jobs):
        return True
    if world.settings.lookup.without_result == "refuse":
        raise Refused("no_result")
    return False
