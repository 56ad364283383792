"""The media library: which media exist, how long they are, what state they are in."""

import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batch.emulator.models import SettingsError
from batch.emulator.refusals import Refused
from batch.emulator.settings import MediaSettings

# Not the documented look of an id (there is none, vod-api.md 9): only what no id could be is out.
_PLAUSIBLE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_DEFAULT_STATUS = "Normal"
_TOP_OF_CRC32 = 0xFFFFFFFF


class MediaLibrary:
    """The media that exist in the region. ``ids`` is ``None`` if every plausible id exists."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._missing = frozenset(settings.missing)
        self._statuses = _by_media(settings.statuses)
        self._storage = {
            "StorageClass": _by_media(settings.storage_classes),
            "RestoreStatus": _by_media(settings.restore_statuses),
        }
        self.ids: frozenset[str] | None = None
        if settings.library or settings.library_file:
            known = frozenset(settings.library) | _ids_of_file(settings.library_file)
            self.ids = known - self._missing

    def has(self, media_id: str) -> bool:
        """Say whether the media exists."""
        if self.ids is not None:
            return media_id in self.ids
        return _PLAUSIBLE_ID.fullmatch(media_id) is not None and media_id not in self._missing

    def check(self, media_id: str) -> None:
        """Refuse an id that is not in the library."""
        if not media_id:
            raise Refused("missing_media_id")
        if not self.has(media_id):
            raise Refused("unknown_media")

    def seconds(self, media_id: str) -> float:
        """Return the length of a media in seconds, the same at every call."""
        settings = self._settings
        own = settings.durations.get(media_id)
        if own is not None:
            return own
        if settings.duration_range is None:
            return settings.duration_seconds
        low, high = settings.duration_range
        return round(low + share_of(media_id) * (high - low), 3)

    def status(self, media_id: str) -> str:
        """Return the Status of a media (``vod-api.md`` 1.7)."""
        return self._statuses.get(media_id, _DEFAULT_STATUS)

    def storage(self, media_id: str) -> dict[str, str]:
        """Return StorageClass and RestoreStatus of a media, where it has any (2.8)."""
        return {name: words[media_id] for name, words in self._storage.items() if media_id in words}


def share_of(media_id: str) -> float:
    """Return a number from 0 to 1 that belongs to the media: chance that never changes."""
    return zlib.crc32(media_id.encode(errors="replace")) / _TOP_OF_CRC32


def _by_media(ids_by_word: Mapping[Any, list[str]]) -> dict[str, str]:
    return {media_id: word for word, media_ids in ids_by_word.items() for media_id in media_ids}


def _ids_of_file(path: str) -> frozenset[str]:
    try:
        return frozenset(Path(path).read_text(encoding="utf-8").split() if path else ())
    except OSError as error:
        raise SettingsError(f"cannot read library_file {path}: {error.strerror}") from None
