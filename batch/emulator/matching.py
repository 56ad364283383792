"""Match of SearchMedia: as much of the vendor's search protocol as is needed to narrow a list.

``Status = 'Normal' and Title in ('a', 'b')``. An exact word for Status, a part of the Title, as the
protocol's page (document_detail/86991) has it; whatever else it knows is refused here.
"""

import re
from collections.abc import Callable, Mapping

from batch.emulator.refusals import Refused

Media = Mapping[str, str]
"""The fields of a media that can be asked for."""

_VALUE = r"""'[^']*'|"[^"]*\""""
_CONDITION = re.compile(
    rf"\s*(\w+)\s*(?:=\s*({_VALUE})|in\s*\(\s*((?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*)\s*\))\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)
_FIELDS: dict[str, Callable[[str, str], bool]] = {
    "Status": lambda word, asked: word == asked,
    "Title": lambda word, asked: asked in word,
}


def parse_match(text: str) -> Callable[[Media], bool]:
    """Return what says of a media whether ``text`` fits it; an empty text fits every one."""
    conditions = list(_conditions(text)) if text.strip() else []
    return lambda media: all(
        any(_FIELDS[field](media[field], value) for value in values) for field, values in conditions
    )


def _conditions(text: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    place = 0
    while True:
        one = _CONDITION.match(text, place)
        if one is None or one[1] not in _FIELDS:
            raise Refused("invalid_search", "Match")
        found.append((one[1], [value[1:-1] for value in re.findall(_VALUE, one[2] or one[3])]))
        if one.end() == len(text):
            return found
        joined = _AND.match(text, one.end())
        if joined is None:
            raise Refused("invalid_search", "Match")
        place = joined.end()
