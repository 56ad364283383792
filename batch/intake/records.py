"""From text to lines to records, never holding more than a bounded piece of the file."""

import csv
from collections.abc import Iterable, Iterator, Sequence

MAX_RECORD = 2**20
"""Longest record in characters; a longer one is quarantined and not kept in memory."""

_KEPT_OF_OVERLONG = 4096


class RecordError(ValueError):
    """The line cannot be read as CSV; the text is the reason shown to a person."""


class UnfinishedError(Exception):
    """The record goes on beyond the lines at hand."""


def overlong() -> RecordError:
    """Return the error for a record beyond the limit."""
    return RecordError(
        f"longer than {MAX_RECORD} characters (only the first {_KEPT_OF_OVERLONG} are kept here)"
    )


def kept(raw: str) -> str:
    """Return what a quarantine keeps of a raw record."""
    return raw if len(raw) <= MAX_RECORD else raw[:_KEPT_OF_OVERLONG]


def split_lines(blocks: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines of a text given in blocks, without their line ends.

    A line over the limit is cut one character beyond it, so that it can be told and costs no
    memory. Text after the last line end is a line too.
    """
    tail = ""
    for block in blocks:
        if len(tail) > MAX_RECORD and "\n" not in block:
            continue
        lines = block.split("\n")
        lines[0] = (tail + lines[0])[: MAX_RECORD + 1]
        tail = lines.pop()
        if lines:
            yield lines
    if tail:
        yield [tail]


class RecordReader:
    """Reads one record at a place in a list of lines, by the csv module's rules."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        # Made once: given by name and value, the module would make one for every record.
        self._dialect = csv.reader((), delimiter=delimiter, strict=True).dialect
        # The module's own limit is lower than ours and holds for the whole process.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD + 1))

    def read(self, lines: Sequence[str], start: int, *, final: bool) -> tuple[list[str], int]:
        """Return the fields of the record that begins at ``start``, and its number of lines.

        ``final`` says that no lines follow. Raise :class:`UnfinishedError` when more lines are
        needed, :class:`RecordError` for a line that cannot be read.
        """
        if len(lines[start]) > MAX_RECORD:
            raise overlong()
        try:
            return next(csv.reader((lines[start],), self._dialect)), 1
        except csv.Error:
            return self._read_several(lines, start, final=final)

    def _read_several(
        self, lines: Sequence[str], start: int, *, final: bool
    ) -> tuple[list[str], int]:
        feed = _Feed(lines, start)
        reader = csv.reader(feed, self._dialect)
        try:
            return next(reader), reader.line_num
        except (csv.Error, StopIteration):
            if feed.ran_out and not feed.too_long and not final:
                raise UnfinishedError from None
            raise RecordError(feed.reason()) from None


class _Feed:
    """Lines for one record, as many as the csv module asks for and the limit allows."""

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines = lines
        self._next = start
        self._size = 0
        self.lines = 0
        self.ran_out = False
        self.too_long = False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self._next == len(self._lines):
            self.ran_out = True
            raise StopIteration
        line = self._lines[self._next] + "\n"
        self._size += len(line)
        if self._size > MAX_RECORD + 1:
            self.ran_out = self.too_long = True
            raise StopIteration
        self._next += 1
        self.lines += 1
        return line

    def reason(self) -> str:
        """Say what is wrong with the record that could not be read."""
        # Closed by some later line's quote is not closed where it was meant to be.
        if self.ran_out or self.lines > 1:
            return "a quote is opened and not closed"
        return "text stands between a closing quote and the next delimiter"
