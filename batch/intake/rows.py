"""From a record to a row: field by field, or many plain lines at once."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat, takewhile
from operator import itemgetter
from typing import cast

from batch.core.models import JobType
from batch.intake.cells import (
    MEDIA_ID,
    SHORT_NAMES,
    TYPE_SEPARATORS,
    CellError,
    ConfigMemo,
    TypesMemo,
    are_media_ids,
    check_length,
    parse_media_id,
    parse_priority,
    parse_user_data,
)
from batch.intake.dialect import Layout
from batch.intake.model import BareLines, IntakeOptions, ManifestRow

PLAIN_LINES = 400
"""Plain lines worth taking at once: more would outlive the garbage collector's first look."""
_PLAIN_OTHER = 1000
"""Longest ignored cell, in characters, that counts as plain."""
_PLAIN_COLUMNS = 40
"""Most columns of a plain line: each is one level of nesting in the pattern."""
_NOTHING = re.compile(r"(?!)")


class RowMaker:
    """Turns the records of one manifest into rows."""

    def __init__(
        self, layout: Layout, delimiter: str, options: IntakeOptions, *, quoted: bool
    ) -> None:
        self._layout = layout
        self._types = TypesMemo(options.default_types, options.offered, options.region)
        self._configs = ConfigMemo(options.config)
        self._priority = options.priority
        pattern = plain_pattern(layout, delimiter, options, quoted=quoted)
        self._groups = pattern.groupindex
        self._match_plain = pattern.fullmatch

    def bare_lines(self, line: int, lines: list[str]) -> BareLines | None:
        """Return ``lines``, numbered from ``line``, if each is nothing but a media id."""
        if self._layout.media_id or not are_media_ids(lines):
            return None
        return BareLines(self.row(line, lines[:1], ""), lines)

    def row(self, line: int, fields: Sequence[str], raw: str) -> ManifestRow:
        """Return the row of one record; raise :class:`CellError` with the first fault in it."""
        if "\0" in raw:
            raise CellError("the line holds a NUL character")
        self._check_width(fields)
        layout = self._layout
        media_id = parse_media_id(_cell(fields, layout.media_id))
        types = self._types[_cell(fields, layout.types)]
        config = self._configs[_cell(fields, layout.config)]
        written = _cell(fields, layout.user_data)
        user_data = parse_user_data(written) if written.strip() else None
        check_length(config, user_data)
        priority = _cell(fields, layout.priority)
        return ManifestRow(
            line,
            media_id,
            types,
            config,
            user_data,
            parse_priority(priority) if priority.strip() else self._priority,
        )

    def plain_rows(self, line: int, lines: Sequence[str]) -> list[ManifestRow]:
        """Return the rows of the plain lines that ``lines`` begin with, numbered from ``line``."""
        matches = cast("list[re.Match[str]]", list(takewhile(bool, map(self._match_plain, lines))))
        if not matches:
            return []
        ids = map(itemgetter(self._groups["id"]), matches)
        types: Iterable[str] = repeat(self._types.default)
        if self._layout.types is not None:
            cells = map(itemgetter(self._groups["types"]), matches)
            types = map(self._types.__getitem__, cells)
        config = self._configs.default
        # The named tuple's own constructor costs more than all else that a plain line needs.
        rows: Iterator[ManifestRow] = map(
            tuple.__new__,
            repeat(ManifestRow),
            zip(
                range(line, line + len(matches)),
                ids,
                types,
                repeat(config),
                repeat(None),
                repeat(self._priority),
            ),
        )
        return list(rows)

    def _check_width(self, fields: Sequence[str]) -> None:
        if len(fields) <= self._layout.width:
            return
        if self._layout.header:
            raise CellError(
                f"too many fields: {len(fields)} (the header names {self._layout.width})"
            )
        if any(field.strip() for field in fields[1:]):
            raise CellError(
                f"too many fields: {len(fields)} "
                "(a file without a header has the media id alone on a line)"
            )


def _cell(fields: Sequence[str], place: int | None) -> str:
    return fields[place] if place is not None and place < len(fields) else ""


def plain_pattern(
    layout: Layout, delimiter: str, options: IntakeOptions, *, quoted: bool
) -> re.Pattern[str]:
    """Return a pattern for lines that need no care: matching one is parsing it.

    A plain line has no white space around the id and nothing in the columns that take parsing.
    Its cells may stand in quotes only when ``quoted``, since that costs time. The groups are
    ``id`` and, where the layout has the column, ``types``. Whatever does not match is read by the
    csv module, with the same result for lines that do.
    """
    if layout.width > _PLAIN_COLUMNS:
        return _NOTHING
    separator = re.escape(delimiter)
    cells = [f'[^"\\0\\n{separator}]{{0,{_PLAIN_OTHER}}}'] * layout.width
    for place in (layout.config, layout.user_data, layout.priority):
        if place is not None:
            cells[place] = ""
    cells[layout.media_id] = f"(?P<id>{MEDIA_ID})"
    if layout.types is not None:
        cells[layout.types] = _plain_types(layout.types, delimiter, options, quoted=quoted)
    if quoted:
        cells = [f'(?P<q{place}>")?{cell}(?(q{place})")' for place, cell in enumerate(cells)]
    tail = "" if layout.header else f"{separator}{{0,{_PLAIN_OTHER}}}"
    for cell in reversed(cells[layout.media_id + 1 :]):
        tail = f"(?:{separator}{cell}{tail})?"
    return re.compile(separator.join(cells[: layout.media_id + 1]) + tail, re.ASCII)


def _plain_types(place: int, delimiter: str, options: IntakeOptions, *, quoted: bool) -> str:
    offered = [job_type for job_type in JobType if job_type in options.offered]
    common = "|".join(offered)
    names = "|".join([*offered, *(SHORT_NAMES[job_type] for job_type in offered)])

    def some(separators: str) -> str:
        # The common spellings come first because they are matched faster with their case.
        return f"(?:{common}|(?i:(?:{names})(?:[{re.escape(separators)}]+(?:{names}))*)|)"

    bare = some(TYPE_SEPARATORS.replace(delimiter, ""))
    # Within quotes the delimiter of the file may separate types as well.
    cell = f"(?(q{place}){some(TYPE_SEPARATORS)}|{bare})" if quoted else bare
    return f"(?P<types>{cell})"
