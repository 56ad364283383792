"""The first lines of a CSV text: what they say of its delimiter and its columns."""

import csv
from dataclasses import dataclass

from batch.errors import UsageError
from batch.intake.dialect import (
    DELIMITERS,
    SNIFFED_LINES,
    WITHOUT_HEADER,
    Layout,
    has_media_ids,
    likely_delimiters,
    media_id_places,
    read_header,
    stated_delimiter,
)
from batch.intake.errors import CellError
from batch.intake.media_ids import parse_media_id
from batch.intake.model import IntakeOptions, ListFacts
from batch.intake.records import RecordReader

QUARANTINE_COLUMNS = ["line", "reason", "raw"]
"""Of the file that keeps what could not be loaded, which is loaded like any other list."""

_SAYS_NOTHING = " \t\n" + "".join(DELIMITERS)


@dataclass(frozen=True, slots=True)
class _First:
    """The first record under one delimiter: its cells, or why there are none, and its lines."""

    delimiter: str
    cells: list[str]
    fault: str
    lines: int


def read_layout(
    reader: RecordReader, options: IntakeOptions, name: str, facts: ListFacts
) -> Layout | None:
    """Pass over what stands before the first row; return the layout, ``None`` of a quarantine file.

    Sets the facts about it. Raise :class:`UsageError` for a header that cannot be used.
    """
    stated = None
    while sample := reader.peek(SNIFFED_LINES):
        if not reader.has_begun and (stated := stated_delimiter(sample[0])):
            facts.header_lines = 1
            reader.skip(1)
            continue
        first = _read_first(reader, [stated] if stated else likely_delimiters(sample), options)
        if not first.fault and not "".join(first.cells).strip(_SAYS_NOTHING):
            facts.blank += 1
            facts.continued += first.lines - 1
            reader.skip(first.lines)
            continue
        facts.delimiter = reader.delimiter = first.delimiter
        is_quarantine = [cell.strip().lower() for cell in first.cells] == QUARANTINE_COLUMNS
        layout = None if is_quarantine else _layout(first, options, name)
        if is_quarantine or layout:
            facts.header = "\n".join(sample[: first.lines])
            facts.header_lines += first.lines
            reader.skip(first.lines)
        if layout:
            facts.columns, facts.ignored = layout.columns, layout.ignored
        return None if is_quarantine else layout or WITHOUT_HEADER
    return WITHOUT_HEADER


def _read_first(reader: RecordReader, delimiters: list[str], options: IntakeOptions) -> _First:
    """Read the first record by the likeliest delimiter under which it names the media ids."""
    found = [_read_by(reader, delimiter, options) for delimiter in delimiters]
    return next((one for one in found if has_media_ids(one.cells, options.column)), found[0])


def _read_by(reader: RecordReader, delimiter: str, options: IntakeOptions) -> _First:
    reader.delimiter = delimiter
    _, raw, fields = next(reader.records(1, lambda _inner, _outer: False))
    reader.rewind()
    first_line, *others = raw.split("\n")
    alone = next(csv.reader([first_line], delimiter=delimiter), [])
    if isinstance(fields, str):
        named = has_media_ids(alone, options.column)
        return _First(delimiter, alone if named else [], "" if named else fields, 1)
    if others and _is_row_among(others, alone, delimiter, options):
        return _First(delimiter, alone, "", 1)
    return _First(delimiter, fields, "", 1 + len(others))


def _is_row_among(
    lines: list[str], names: list[str], delimiter: str, options: IntakeOptions
) -> bool:
    """Return whether a quote that the header opens, and does not close, has swallowed rows."""
    places = media_id_places(names, options.column)
    if len(places) != 1:
        return False
    for line in lines:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        try:
            parse_media_id(cells[places[0]] if len(cells) >= len(names) else "")
        except CellError:
            continue
        return True
    return False


def _layout(first: _First, options: IntakeOptions, name: str) -> Layout | None:
    if not first.fault:
        return read_header(first.cells, options.column, name)
    if options.column is not None:
        raise UsageError(f"the header of {name} cannot be read: {first.fault}")
    return None
