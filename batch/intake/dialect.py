"""How a manifest is laid out: its delimiter and its header."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from batch.errors import UsageError
from batch.intake.errors import echo
from batch.intake.names import (
    CAMPAIGN,
    MEANINGS,
    id_places,
    is_own_export,
    meaning,
    near_meaning,
    plain,
)

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_LINES = 100
_SNIFFED_CHARACTERS = 2**16
_without_quoted = re.compile(r'(?:(?<=[,;|\t\n])|\A)"[^"]*(?:""[^"]*)*"').sub
_directive = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;|\t\s]*', re.IGNORECASE).fullmatch


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
    campaign: int | None = None
    ignored: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The optional columns in use."""
        names = (*MEANINGS, CAMPAIGN)
        return tuple(name for name in names if getattr(self, name) is not None)


WITHOUT_HEADER = Layout(header=False, width=1)


def stated_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line such as ``sep=;`` states, as Excel writes it."""
    found = _directive(line)
    return found[1] if found else None


def likely_delimiters(lines: Sequence[str]) -> list[str]:
    """Return the delimiters that a file may have, from its first lines, the likeliest first.

    It is the one the first line that is not blank holds most of, outside quotes; where the first
    line decides nothing, the first 100 lines do; a file with one column gets a comma.
    """
    sample = "\n".join(lines[:SNIFFED_LINES])[:_SNIFFED_CHARACTERS]
    text = _without_quoted("", sample)
    first = next((line for line in text.split("\n") if line.strip()), "")
    counts = {one: (first.count(one), text.count(one)) for one in DELIMITERS}
    return sorted(DELIMITERS, key=lambda one: counts[one], reverse=True)


def has_media_ids(cells: Sequence[str], column: str | None) -> bool:
    """Return whether a first record names a column of media ids."""
    return bool(media_id_places(cells, column))


def read_header(cells: Sequence[str], column: str | None, name: str) -> Layout | None:
    """Return the layout that the first record states, or ``None`` when it is no header.

    ``column`` is what ``--column`` named, ``name`` the file for messages. Raise
    :class:`UsageError` for a header that does not say, or says twice, where the media ids are, and
    for a name that one of ours may have been meant by.
    """
    names = _without_empty_end([cell.strip() for cell in cells])
    media_id = _find_media_id(names, column, name)
    if media_id is None:
        return None
    places = {key: _find_optional(key, names, media_id, name) for key in MEANINGS}
    places[CAMPAIGN] = names.index(CAMPAIGN) if is_own_export(names) and CAMPAIGN in names else None
    used = {media_id, *places.values()}
    ignored = tuple(cell for place, cell in enumerate(names) if cell and place not in used)
    _refuse_near(ignored, name)
    return Layout(header=True, width=len(names), media_id=media_id, **places, ignored=ignored)


def _without_empty_end(names: list[str]) -> list[str]:
    while names and not names[-1]:
        names = names[:-1]
    return names


def media_id_places(names: Sequence[str], column: str | None) -> list[int]:
    """Return the places of the columns that may hold the media ids; ``column``: as asked for."""
    if column is None:
        return id_places(names)
    exact = [place for place, cell in enumerate(names) if cell.strip() == column.strip()]
    return exact or [p for p, cell in enumerate(names) if plain(cell) == plain(column)]


def _find_media_id(names: Sequence[str], column: str | None, name: str) -> int | None:
    match media_id_places(names, column):
        case [place]:
            return place
        case [_, _, *_] as places:
            raise UsageError(
                f"{name} has more than one column of media ids ({_listed(names, places)}); "
                + ("name the one to use with --column" if column is None else "rename one of them")
            )
        case _ if column is not None:
            raise _no_such_column(names, column, name)
        case _ if len(names) > 1 or any(map(meaning, names)):
            raise UsageError(
                f"{name} has no column of media ids (its columns: {_listed(names)}); name it with "
                "--column, or begin the file with a line of names, such as media_id,title"
            )
    return None


def _find_optional(key: str, names: Sequence[str], media_id: int, name: str) -> int | None:
    places = [p for p, cell in enumerate(names) if meaning(cell) == key and p != media_id]
    if len(places) > 1:
        raise UsageError(
            f"{name} has the column {key} twice ({_listed(names, places)}); remove one of them"
        )
    return places[0] if places else None


def _refuse_near(ignored: Sequence[str], name: str) -> None:
    for cell in ignored:
        if meant := near_meaning(cell):
            raise UsageError(
                f"{name} has a column {echo(cell)}; did you mean {meant}? rename it, or give it "
                "a name that is less like ours if it says something else"
            )


def _no_such_column(names: Sequence[str], column: str, name: str) -> UsageError:
    near = difflib.get_close_matches(column.lower(), [cell.lower() for cell in names], n=1)
    meant = [cell for cell in names if cell.lower() in near][:1]
    hint = f"; did you mean {echo(meant[0])}?" if meant else ""
    return UsageError(f"{name} has no column {echo(column)} (its columns: {_listed(names)}){hint}")


def _listed(names: Sequence[str], places: Sequence[int] | None = None) -> str:
    shown = names if places is None else [names[place] for place in places]
    rest = len(shown) - 20
    return ", ".join(map(echo, shown[:20])) + (f" and {rest} more" if rest > 0 else "")
