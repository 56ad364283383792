"""What ``GetVideoInfos`` answers, as frozen values (``vod-api.md`` 2.8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from batch.vod.wire import UnreadableError

GET_VIDEO_INFOS = "GetVideoInfos"

MAX_VIDEO_IDS = 20
"""Most media that one ``GetVideoInfos`` takes."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media; ``seconds`` is its duration, ``None`` when the cloud does not say."""

    media_id: str
    status: str
    seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class MediaPage:
    """The answer to one call; an asked id in neither part was not spoken of."""

    media: tuple[MediaInfo, ...]
    unknown_ids: tuple[str, ...]


def read_media_page(body: Mapping[str, object]) -> MediaPage:
    """Read ``VideoList`` and ``NonExistVideoIds``, plain arrays. Raises UnreadableError."""
    entries, unknown = body.get("VideoList"), body.get("NonExistVideoIds")
    if not isinstance(entries, list) and not isinstance(unknown, list):
        raise UnreadableError("a 200 with neither VideoList nor NonExistVideoIds")
    found = (_media(entry) for entry in entries or () if isinstance(entry, Mapping))  # type: ignore[attr-defined]
    gone = unknown if isinstance(unknown, list) else []
    return MediaPage(
        tuple(media for media in found if media is not None),
        tuple(item for item in gone if isinstance(item, str) and item),
    )


def _media(entry: Mapping[str, object]) -> MediaInfo | None:
    media_id, status = entry.get("VideoId"), entry.get("Status")
    if not isinstance(media_id, str) or not isinstance(status, str):
        return None
    return MediaInfo(media_id, status[:64], _seconds(entry.get("Duration")))


def _seconds(value: object) -> Decimal | None:
    """Read a duration in seconds; nothing, zero and nonsense mean that it is not known yet."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = round(Decimal(str(value)), 3)
    except InvalidOperation:
        return None
    return seconds if seconds.is_finite() and 0 < seconds < 10**9 else None
