"""The media library: which media exist, how long they are, what state they are in."""

import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from batch.emulator.matching import Media, parse_match
from batch.emulator.models import SettingsError
from batch.emulator.refusals import Refused
from batch.emulator.settings import MediaSettings

# Not the documented look of an id (there is none, vod-api.md 9): only what no id could be is out.
_PLAUSIBLE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_DEFAULT_STATUS = "Normal"
_TOP_OF_CRC32 = 0xFFFFFFFF
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_MADE_UP = "5ea4c4ed"
"""How every made-up id begins; its number follows."""


class MediaLibrary:
    """The media that exist in the region. ``ids`` is ``None`` if every plausible id exists."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self.missing = frozenset(settings.missing)
        self.listed = settings.listed
        self._found: dict[str, list[str]] = {}
        self._statuses = _by_media(settings.statuses)
        self._storage = {
            "StorageClass": _by_media(settings.storage_classes),
            "RestoreStatus": _by_media(settings.restore_statuses),
        }
        self.ids: frozenset[str] | None = None
        if settings.library or settings.library_file:
            known = frozenset(settings.library) | _ids_of_file(settings.library_file)
            self.ids = known - self.missing

    def change(self, listed: int | None, missing: Iterable[str] | None) -> None:
        """Let so many made-up media be listed, and these be missing, from now on."""
        self.listed = self.listed if listed is None else listed
        self.missing = self.missing if missing is None else frozenset(missing)
        self._found.clear()

    def has(self, media_id: str) -> bool:
        """Say whether the media exists."""
        if media_id in self.missing:
            return False
        if self.ids is None:
            return _PLAUSIBLE_ID.fullmatch(media_id) is not None
        return media_id in self.ids or self._number(media_id) is not None

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

    def title(self, media_id: str) -> str:
        """Return the title of a media."""
        return f"Video {media_id}"

    def created_at(self, media_id: str) -> str:
        """Return when a media was created, as the API writes time."""
        number = self._number(media_id)
        first = self._settings.created_at
        if number is None:
            return first
        moment = datetime.strptime(first, _TIME) + timedelta(seconds=number + 1)  # noqa: DTZ007
        return moment.strftime(_TIME)

    def find(self, match: str) -> list[str]:
        """Return the media that can be listed and that ``match`` fits, the oldest first."""
        if match not in self._found:
            fits = parse_match(match)
            self._found = {match: [one for one in self._all() if fits(self._as_media(one))]}
        return self._found[match]

    def storage(self, media_id: str) -> dict[str, str]:
        """Return StorageClass and RestoreStatus of a media, where it has any (2.8)."""
        return {name: words[media_id] for name, words in self._storage.items() if media_id in words}

    def _all(self) -> Iterable[str]:
        yield from sorted(one for one in self.ids or () if one not in self.missing)
        yield from (one for one in map(made_up_id, range(self.listed)) if one not in self.missing)

    def _as_media(self, media_id: str) -> Media:
        return {"Status": self.status(media_id), "Title": self.title(media_id)}

    def _number(self, media_id: str) -> int | None:
        """Return the number of a made-up media that is listed."""
        if not media_id.startswith(_MADE_UP):
            return None
        try:
            number = int(media_id.removeprefix(_MADE_UP), 16)
        except ValueError:
            return None
        return number if number < self.listed and made_up_id(number) == media_id else None


def made_up_id(number: int) -> str:
    """Return the id of a made-up media; the first has number 0."""
    return f"{_MADE_UP}{number:024x}"


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
