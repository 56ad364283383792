"""What ``GetVideoInfos`` answers, as frozen values (``vod-api.md`` 1.7, 2.8)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from batch.vod.wire import UnreadableError, ids_of, text_of

GET_VIDEO_INFOS = "GetVideoInfos"

MAX_VIDEO_IDS = 20
"""Most media that one ``GetVideoInfos`` takes."""

UNKNOWN_MEDIA = "invalidvideo.notfound"
"""The code, without case, that one or all of the media of a call do not exist."""

READY = frozenset(
    {"normal", "checking", "uploadsucc", "uploadsucces", "transcoding", "transcodefail"}
)
"""Statuses, without case, whose source file is there; one page of 2021 spells it UploadSucces."""

COMING = frozenset({"uploading"})
"""Statuses that may become ready by themselves."""

BAD = frozenset({"uploadfail", "blocked", "producefail"})
"""Statuses that no job can be made of."""

_ARCHIVED = frozenset(
    {"archive", "coldarchive", "sourcearchive", "sourcecoldarchive", "deepcoldarchive"}
)
_CHANGING = frozenset({"changing"})
_AT_HAND = frozenset({"standard", "ia", "sourceia"})
_RESTORED = frozenset({"success"})
_RESTORING = frozenset({"processing"})
_NOT_RESTORED = frozenset({"failed"})


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media; ``seconds`` is its duration, ``None`` when the cloud does not say.

    ``storage_class`` and ``restore_status`` are the cloud's words, ``None`` without one.
    """

    media_id: str
    status: str
    seconds: Decimal | None
    storage_class: str | None = None
    restore_status: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether no document knows the status: it proves nothing."""
        return self.status.casefold() not in READY | COMING | BAD

    @property
    def storage_obstacle(self) -> str | None:
        """Why the source file cannot be read now, in a word; ``None`` where nothing says so."""
        kind = (self.storage_class or "").casefold()
        restored = (self.restore_status or "").casefold()
        if kind in _CHANGING:
            return "Changing"
        if restored in _RESTORING:
            return "Restoring"
        if kind in _ARCHIVED and restored not in _RESTORED:
            return self.storage_class
        return None

    def unseen(self) -> Iterator[tuple[str, str]]:
        """Yield each field and word of it that no document knows."""
        if self.is_unknown:
            yield "Status", self.status
        kind, restored = self.storage_class, self.restore_status
        if kind and kind.casefold() not in _ARCHIVED | _CHANGING | _AT_HAND:
            yield "StorageClass", kind
        if restored and restored.casefold() not in _RESTORED | _RESTORING | _NOT_RESTORED:
            yield "RestoreStatus", restored


@dataclass(frozen=True, slots=True)
class MediaPage:
    """The answer to one call; an asked id in neither part was not spoken of."""

    media: tuple[MediaInfo, ...]
    unknown_ids: tuple[str, ...]


def read_media_page(body: Mapping[str, object]) -> MediaPage:
    """Read ``VideoList``, an array, and ``NonExistVideoIds``, an array or JSON text of one.

    Raises UnreadableError when neither is there.
    """
    entries, unknown = body.get("VideoList"), body.get("NonExistVideoIds")
    if not isinstance(entries, list) and unknown is None:
        raise UnreadableError("a 200 with neither VideoList nor NonExistVideoIds")
    listed = entries if isinstance(entries, list) else []
    found = (_media(entry) for entry in listed if isinstance(entry, Mapping))
    return MediaPage(tuple(media for media in found if media is not None), ids_of(unknown))


def _media(entry: Mapping[str, object]) -> MediaInfo | None:
    media_id = entry.get("VideoId")
    if not isinstance(media_id, str):
        return None
    return MediaInfo(
        media_id,
        (text_of(entry.get("Status")) or "(none)")[:64],
        seconds_of(entry.get("Duration")),
        text_of(entry.get("StorageClass")),
        text_of(entry.get("RestoreStatus")),
    )


def seconds_of(value: object) -> Decimal | None:
    """Read a duration in seconds; nothing, zero and nonsense mean that it is not known yet."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = round(Decimal(str(value)), 3)
    except InvalidOperation:
        return None
    return seconds if seconds.is_finite() and 0 < seconds < 10**9 else None
