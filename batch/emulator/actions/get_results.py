"""GetMediaDNAResult and GetAIVideoTagResult: what was found out of a media (``vod-api.md`` 2.3)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.lookup import check_media
from batch.emulator.results import NO_TAGS, dna_of, tags_of
from batch.emulator.sections import MEDIA_DNA, VIDEO_TAG
from batch.emulator.state import State


def get_media_dna_result(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Return the copies found, none without a successful job."""
    media_id = call.get("MediaId")
    if not _has_result(state, media_id, MEDIA_DNA, key.account):
        return {"DNAResult": {"VideoDNA": []}}
    return {"DNAResult": dna_of(state.settings.media, media_id)}


def get_ai_video_tag_result(state: State, call: Call, key: AccessKey) -> dict[str, Any]:
    """Return the tags found, none without a successful job."""
    media_id = call.get("MediaId")
    found = _has_result(state, media_id, VIDEO_TAG, key.account)
    return {"VideoTagResult": tags_of(media_id) if found else NO_TAGS}


def _has_result(state: State, media_id: str, job_type: str, account: str) -> bool:
    """Say whether a job of the type has succeeded; what happens if not is undocumented."""
    check_media(state, media_id)
    for job in state.jobs.of_media(media_id, account):
        if job.type == job_type and state.jobs.stage(job) == "success":
            return True
    if state.settings.lookup.without_result == "refuse":
        raise Refused("no_result")
    return False
