"""GetVideoInfos: what the library knows of some media (``vod-api.md`` 2.8)."""

from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.parameters import check_video_ids
from batch.emulator.state import State

_MAX_IDS = 20
_BYTES_A_SECOND = 250_000
"""Size is duration times this: two million bits a second."""


def get_video_infos(state: State, call: Call, _key: AccessKey) -> dict[str, Any]:
    """Return the media that exist and the ids that do not; no media has a ReferenceId here."""
    video_ids, reference_ids = check_video_ids(call, _MAX_IDS)
    has = state.library.has
    if state.settings.media.unknown == "refuse" and not all(map(has, video_ids)):
        raise Refused("unknown_media")
    return {
        "VideoList": [_describe(state, media_id) for media_id in video_ids if has(media_id)],
        "NonExistVideoIds": [media_id for media_id in video_ids if not has(media_id)],
        "NonExistReferenceIds": reference_ids,
    }


def _describe(state: State, media_id: str) -> dict[str, Any]:
    seconds = state.library.seconds(media_id)
    return {
        "VideoId": media_id,
        "Title": f"Video {media_id}",
        "Status": state.library.status(media_id),
        "Duration": seconds,
        "Size": int(seconds * _BYTES_A_SECOND),
        "CreationTime": state.settings.media.created_at,
        **state.library.storage(media_id),
    }
