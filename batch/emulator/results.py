"""What finished jobs found out, in the shapes of ``vod-api.md`` 2.3 and 2.5."""

import json
from typing import Any

from batch.emulator.sections import MEDIA_DNA, MediaSettings

NO_TAGS: dict[str, list[dict[str, Any]]] = {
    "Category": [],
    "Keyword": [],
    "Person": [],
    "Location": [],
    "Time": [],
}
_TAGS = {
    **NO_TAGS,
    "Category": [{"Tag": "Documentary"}],
    "Keyword": [{"Tag": "sea", "Times": ["1000", "2000"]}],
}


def dna_of(media: MediaSettings, media_id: str) -> dict[str, Any]:
    """Return the DNA result of a media: no match, or the one media it is a copy of."""
    original = media.copies.get(media_id)
    if original is None:
        return {"VideoDNA": []}
    span = {"Start": "0", "Duration": "10"}
    detail = [{"Input": span, "Duplication": span}]
    return {"VideoDNA": [{"PrimaryKey": original, "Similarity": "1", "Detail": detail}]}


def tags_of(_media_id: str) -> dict[str, Any]:
    """Return the tags of a media: one of each simple kind."""
    return _TAGS


def result_text(media: MediaSettings, media_id: str, job_type: str) -> str:
    """Return the Data of a successful job."""
    return json.dumps(dna_of(media, media_id) if job_type == MEDIA_DNA else tags_of(media_id))
