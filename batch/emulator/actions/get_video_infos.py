"""GetVideoInfos: what the library knows of some media (``vod-api.md`` 2.8)."""

from typing import Any

from batch.emulator.actions.shared import describe_media, split_ids
from batch.emulator.call import Call
from batch.emulator.refusals import Refused
from batch.emulator.world import World

_MAX_IDS = 20


def get_video_infos(world: World, call: Call) -> dict[str, Any]:
    """Return the media that exist and the ids that do not; no media has a ReferenceId here."""
    video_ids, reference_ids = call.get("VideoIds"), call.get("ReferenceIds")
    ids = split_ids(video_ids or reference_ids, _MAX_IDS, "video_ids")
    existing = [media_id for media_id in ids if video_ids and world.library.has(media_id)]
    unknown = [media_id for media_id in ids if media_id not in existing]
    if video_ids and unknown and world.settings.media.unknown == "refuse":
        raise Refused("unknown_media")
    return {
        "VideoList": [describe_media(world, media_id) for media_id in existing],
        "NonExistVideoIds": unknown if video_ids else [],
        "NonExistReferenceIds": [] if video_ids else unknown,
    }
