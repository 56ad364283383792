"""GetAIVideoTagResult: the tags of a media (``vod-api.md`` 2.3, 2.5)."""

from typing import Any

from batch.emulator.actions.shared import has_result
from batch.emulator.call import Call
from batch.emulator.models import VIDEO_TAG
from batch.emulator.world import World

_NO_TAGS: dict[str, list[dict[str, Any]]] = {
    "Category": [],
    "Keyword": [],
    "Person": [],
    "Location": [],
    "Time": [],
}
TAGS = {
    **_NO_TAGS,
    "Category": [{"Tag": "Documentary"}],
    "Keyword": [{"Tag": "sea", "Times": ["1000", "2000"]}],
}
"""The tags of every media: one of each simple kind."""


def get_ai_video_tag_result(world: World, call: Call) -> dict[str, Any]:
    """Return the tags found, none without a successful job."""
    return {"VideoTagResult": TAGS if has_result(world, call, VIDEO_TAG) else _NO_TAGS}
