"""What ``SearchMedia`` is asked and answers, as frozen values.

Facts: its page (help.aliyun.com document_detail/86044), the search protocol's (86991), and the
models of the vendor's SDK.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from batch.vod.media import seconds_of
from batch.vod.wire import UnreadableError, parse_time, text_of

SEARCH_MEDIA = "SearchMedia"

PAGE_SIZE = 50
"""Media of a page, of 100 that it may hold. With a ScrollToken at most 100 records further can be
reached; the Chinese page counts them from the end of the page before, the English one from its
beginning, where a page of 100 would have no next one."""

MOST_MEDIA = 2_000_000
"""Records of one search that can be reached with a ScrollToken."""

_FIELDS = "Title,Duration,Status,StorageClass"
"""Without Fields an entry holds id, time and type only (86991)."""

_OLDEST_FIRST = "CreationTime:Asc"
"""So a media that is added while pages are asked for comes behind what was seen, and moves nothing.
A full traversal takes one field to sort by."""


class SearchType(StrEnum):
    """Which media are searched; of these two alone all can be reached."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class FoundMedia:
    """One media; ``seconds`` is its length, the time UTC to the second; ``None``: not said.

    ``status`` and ``storage_class`` are the cloud's words.
    """

    media_id: str
    title: str | None
    seconds: Decimal | None
    status: str | None
    storage_class: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page. ``total`` is how many media the search finds as the cloud says it.

    ``entries`` are all of the page, also those without an id.
    """

    media: tuple[FoundMedia, ...]
    entries: int
    total: int
    scroll_token: str | None


def search_params(
    search_type: SearchType, match: str | None, page_no: int, scroll_token: str | None
) -> dict[str, str]:
    """Return the parameters of page ``page_no``, from 1, with the token of an answer before it."""
    optional = {"Match": match, "ScrollToken": scroll_token}
    return {
        "SearchType": search_type.value,
        "Fields": _FIELDS,
        "SortBy": _OLDEST_FIRST,
        "PageNo": str(page_no),
        "PageSize": str(PAGE_SIZE),
        **{name: value for name, value in optional.items() if value},
    }


def read_found_page(body: Mapping[str, object]) -> FoundPage:
    """Read ``MediaList``, a plain array, none where it is empty.

    Raises UnreadableError without a ``Total``: nobody could say whether the list is whole.
    """
    total, entries = _count(body.get("Total")), body.get("MediaList")
    if total is None:
        raise UnreadableError("a 200 without Total")
    listed = entries if isinstance(entries, list) else []
    media = (_media(entry) for entry in listed if isinstance(entry, Mapping))
    return FoundPage(
        tuple(one for one in media if one is not None),
        len(listed),
        total,
        text_of(body.get("ScrollToken")),
    )


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _media(entry: Mapping[str, object]) -> FoundMedia | None:
    """Read what is known of a media; its own part is called as its kind is."""
    parts = (entry.get(name) for name in ("Video", "Audio"))
    part = next((one for one in parts if isinstance(one, Mapping)), {})
    ids = (entry.get("MediaId"), part.get("VideoId"), part.get("AudioId"))
    media_id = next((one for one in map(text_of, ids) if one), None)
    if media_id is None:
        return None
    return FoundMedia(
        media_id,
        text_of(part.get("Title")),
        seconds_of(part.get("Duration")),
        text_of(part.get("Status")),
        text_of(part.get("StorageClass")),
        parse_time(entry.get("CreationTime")) or parse_time(part.get("CreationTime")),
    )
