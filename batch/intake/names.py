"""The names that people and programs give to what we read: in any case, spelling and width."""

import difflib
import unicodedata
from collections.abc import Iterable

ID_NAMES = (
    "media_id", "MediaId", "VideoId", "video_id",
    "视频ID", "视频Id", "媒体ID", "媒资ID", "音视频ID", "影片ID",
    "視頻ID", "媒體ID", "影音ID", "メディアID", "ビデオID", "動画ID",
    "미디어ID", "비디오ID", "동영상ID",
)  # fmt: skip
_VAGUE_ID_NAME = "id"
"""Means the media where no other column does."""

MEANINGS = {
    "types": ("types", "type", "job_type", "job_types"),
    "config": ("config", "job_config"),
    "user_data": ("user_data", "UserData"),
    "priority": ("priority",),
}
"""Each optional column, by the names that mean it: ours, the cloud's, and those of our export."""

CAMPAIGN = "campaign"
"""A column of our own export. Elsewhere the word means somebody's marketing, and a media that
stands in two of theirs would be paid for twice."""
_OF_OUR_EXPORT = ("batch", "media_id", "type", "status", "job_id", "request_id", CAMPAIGN)

_NEAR = 0.8


def plain(name: str) -> str:
    """Return a name without case, width, spaces, ``_``, ``-`` and signs that nobody sees."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(
        sign
        for sign in text
        if not sign.isspace() and sign not in "_-'\"=" and unicodedata.category(sign) != "Cf"
    )


_ID_KEYS = frozenset(map(plain, ID_NAMES))
_BY_KEY = {plain(name): meaning for meaning, names in MEANINGS.items() for name in names}


def is_id_name(text: str) -> bool:
    """Return whether ``text`` is a name for a column of media ids."""
    return plain(text) in _ID_KEYS or is_vague_id_name(text)


def is_vague_id_name(text: str) -> bool:
    """Return whether ``text`` is a name that means the media only where no other does."""
    return plain(text) == _VAGUE_ID_NAME


def id_places(names: Iterable[str]) -> list[int]:
    """Return the places of the names that mean media ids; ``id`` only where nothing else does."""
    keys = [plain(name) for name in names]
    places = [place for place, key in enumerate(keys) if key in _ID_KEYS]
    return places or [place for place, key in enumerate(keys) if key == _VAGUE_ID_NAME]


def meaning(name: str) -> str | None:
    """Return the optional column that a name means; ``None`` for one that is not ours."""
    return _BY_KEY.get(plain(name))


def near_meaning(name: str) -> str | None:
    """Return the optional column that a name may have been meant for."""
    near = difflib.get_close_matches(plain(name), _BY_KEY, n=1, cutoff=_NEAR)
    return _BY_KEY[near[0]] if near else None


def is_own_export(names: Iterable[str]) -> bool:
    """Return whether a header is one of our own exports or results."""
    return {plain(name) for name in names} >= set(map(plain, _OF_OUR_EXPORT))
