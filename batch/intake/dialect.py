"""How a manifest is laid out: its delimiter and its header."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from batch.errors import UsageError
from batch.intake.cells import echo

DELIMITERS = (",", ";", "\t")
ID_NAMES = ("media_id", "MediaId", "VideoId", "video_id")
OPTIONAL_NAMES = ("types", "config", "user_data", "priority")

_ID_KEYS = frozenset(name.lower() for name in ID_NAMES)
SNIFFED_LINES = 100
_SNIFFED_CHARACTERS = 2**16
_without_quoted = re.compile(r'(?:(?<=[,;\t\n])|\A)"[^"]*(?:""[^"]*)*"').sub


@dataclass(frozen=True, slots=True)
class Layout:
    """Which field of a record is what. Places count from 0; ``None``: no such column."""

    header: bool
    width: int
    media_id: int = 0
    types: int | None = None
    config: int | None = None
    user_data: int | None = None
    priority: int | None = None
    ignored: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The optional columns in use."""
        return tuple(name for name in OPTIONAL_NAMES if getattr(self, name) is not None)


WITHOUT_HEADER = Layout(header=False, width=1)


def sniff_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter of a file from its first lines.

    It is the one the first line that is not blank holds most of, outside quotes; where the first
    line decides nothing, the first 100 lines do; a file with one column gets a comma.
    """
    sample = "\n".join(lines[:SNIFFED_LINES])[:_SNIFFED_CHARACTERS]
    text = _without_quoted("", sample)
    first = next((line for line in text.split("\n") if line.strip()), "")
    return max(DELIMITERS, key=lambda delimiter: (first.count(delimiter), text.count(delimiter)))


def read_header(cells: Sequence[str], column: str | None, name: str) -> Layout | None:
    """Return the layout that the first record states, or ``None`` when it is no header.

    ``column`` is what ``--column`` named, ``name`` the file for messages. Raise
    :class:`UsageError` for a header that does not say, or says twice, where the media ids are.
    """
    names = [cell.strip() for cell in cells]
    media_id = _find_media_id(names, column, name)
    if media_id is None:
        return None
    places = {key: _find_optional(key, names, media_id, name) for key in OPTIONAL_NAMES}
    used = {media_id, *places.values()}
    return Layout(
        header=True,
        width=len(names),
        media_id=media_id,
        **places,
        ignored=tuple(cell for place, cell in enumerate(names) if cell and place not in used),
    )


def _find_media_id(names: Sequence[str], column: str | None, name: str) -> int | None:
    if column is None:
        places = [place for place, cell in enumerate(names) if cell.lower() in _ID_KEYS]
    else:
        places = [place for place, cell in enumerate(names) if cell == column.strip()]
    match places:
        case [place]:
            return place
        case [_, _, *_]:
            raise UsageError(
                f"{name} has more than one column of media ids ({_listed(names, places)}); "
                + ("name the one to use with --column" if column is None else "rename one of them")
            )
        case _ if column is not None:
            raise _no_such_column(names, column, name)
        case _ if any(cell.lower() in OPTIONAL_NAMES for cell in names):
            raise UsageError(
                f"{name} has no column of media ids (its columns: {_listed(names)}); "
                "name it with --column"
            )
    return None


def _find_optional(key: str, names: Sequence[str], media_id: int, name: str) -> int | None:
    places = [p for p, cell in enumerate(names) if cell.lower() == key and p != media_id]
    if len(places) > 1:
        raise UsageError(f"{name} has the column {key} twice; remove one of them")
    return places[0] if places else None


def _no_such_column(names: Sequence[str], column: str, name: str) -> UsageError:
    near = difflib.get_close_matches(column.lower(), [cell.lower() for cell in names], n=1)
    meant = [cell for cell in names if cell.lower() in near][:1]
    hint = f"; did you mean {echo(meant[0])}?" if meant else ""
    return UsageError(f"{name} has no column {echo(column)} (its columns: {_listed(names)}){hint}")


def _listed(names: Sequence[str], places: Sequence[int] | None = None) -> str:
    shown = names if places is None else [names[place] for place in places]
    rest = len(shown) - 20
    return ", ".join(map(echo, shown[:20])) + (f" and {rest} more" if rest > 0 else "")
