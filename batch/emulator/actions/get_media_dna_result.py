"""GetMediaDNAResult: what a media is a copy of (``vod-api.md`` 2.3, 2.5)."""

from typing import Any

from batch.emulator.actions.shared import has_result
from batch.emulator.call import Call
from batch.emulator.models import MEDIA_DNA
from batch.emulator.settings import MediaSettings
from batch.emulator.world import World


def get_media_dna_result(world: World, call: Call) -> dict[str, Any]:
    """Return the copies found, none without a successful job."""
    if not has_result(world, call, MEDIA_DNA):
        return {"DNAResult": {"VideoDNA": []}}
    return {"DNAResult": dna_of(world.settings.media, call.get("MediaId"))}


def dna_of(media: MediaSettings, media_id: str) -> dict[str, Any]:
    """Return the DNA result of a media: no match, or the one media it is a copy of."""
    original = media.copies.get(media_id)
    if original is None:
        return {"VideoDNA": []}
    span = {"Start": "0", "Duration": "10"}
    detail = [{"Input": span, "Duplication": span}]
    return {"VideoDNA": [{"PrimaryKey": original, "Similarity": "1", "Detail": detail}]}
