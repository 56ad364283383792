"""From text to lines to records, never holding more than a bounded piece of the file."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count

MAX_RECORD = 2**20
"""Longest record in characters; a longer one is quarantined and not kept in memory."""

Record = tuple[int, str, list[str] | str]
"""Line on which it begins, raw text without its line end, and fields or why there are none."""

StandsAlone = Callable[[list[str], list[str]], bool]
"""Whether the fields of a line inside of a record, and the record's own, are two records."""

_KEPT_OF_OVERLONG = 4096


def kept(raw: str) -> str:
    """Return what a quarantine keeps of a raw record."""
    return raw if len(raw) <= MAX_RECORD else raw[:_KEPT_OF_OVERLONG]


def is_blank(fields: list[str] | str) -> bool:
    """Return whether a record says nothing: white space and delimiters."""
    return not any(map(str.strip, fields))


class Lines:
    """The lines of a text given in blocks, without their line ends; iterate it once.

    A line over the limit is cut one character beyond it: it is known as too long and costs no
    memory. Text after the last line end is a line too, and then ``unended`` becomes true.
    """

    def __init__(self, blocks: Iterable[str]) -> None:
        self.unended = False
        self._blocks = blocks

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the lines in blocks of about the same size."""
        tail = ""
        for block in self._blocks:
            if len(tail) > MAX_RECORD and "\n" not in block:
                continue
            lines = block.split("\n")
            lines[0] = (tail + lines[0])[: MAX_RECORD + 1]
            tail = lines.pop()
            if lines:
                yield lines
        if tail:
            self.unended = True
            yield [tail]


class RecordReader:
    """Records by the csv module's strict rules, beside the raw lines that each was made of.

    ``delimiter`` may be set until the first record is read, and again after :meth:`rewind`.
    """

    def __init__(self, lines: Lines) -> None:
        self.delimiter = ","
        self._source = lines
        self._blocks = iter(lines)
        self._lines: list[str] = []
        self._passed = 0  # lines before those at hand
        self._peeked = 0  # where peek() looked last in those at hand
        self._start = 0  # where the next record begins in them
        self._asked = 0  # the csv module's place in them
        # The module's own limit is lower than ours and holds for the whole process.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD + 1))

    @property
    def line(self) -> int:
        """1-based number of the next line."""
        return self._passed + self._start + 1

    @property
    def has_begun(self) -> bool:
        """Whether anything was passed over."""
        return self.line > 1

    @property
    def unended_line(self) -> str | None:
        """The last line, where no line end follows it; known once :meth:`peek` returns none."""
        return self._lines[-1] if self._source.unended and self._lines else None

    def peek(self, most: int) -> list[str]:
        """Return lines that come next, ``most`` at most, and none only at the end."""
        if 2 * self._start >= len(self._lines):
            left = self._lines[self._start :] or next(self._blocks, [])
            if left:
                self._passed += self._start
                self._lines, self._start = left, 0
        self._peeked = self._start
        return self._lines[self._start : self._start + most]

    def skip(self, lines: int) -> None:
        """Pass over lines that :meth:`peek` has shown."""
        self._start += lines

    def rewind(self) -> None:
        """Go back to where :meth:`peek` looked last."""
        self._start = self._peeked

    def one_a_line(self, lines: list[str]) -> list[list[str]] | None:
        """Return the records of ``lines`` if each line is one, without passing over them."""
        try:
            records = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        one_each = len(records) == len(lines) and max(map(len, lines)) <= MAX_RECORD
        return records if one_each else None

    def records(self, most: int, stands_alone: StandsAlone) -> Iterator[Record]:
        """Yield the records that begin in the next ``most`` lines, which :meth:`peek` has shown.

        The last one may end in a line beyond. Of a record that cannot be read, or that a line
        inside of it ``stands_alone`` of, the first line is given up alone: what follows a quote
        that is not closed is mostly good lines.
        """
        end = self._start + most
        while self._start < end:
            with suppress(csv.Error):
                for fields in csv.reader(self._feed(end), delimiter=self.delimiter, strict=True):
                    if self._swallows(fields, stands_alone):
                        break
                    line = self.line
                    yield line, self._take(self._asked), fields
            if self._start < end:
                fault, line = self._fault(), self.line
                yield line, self._take(self._start + 1), fault

    def _swallows(self, fields: list[str], stands_alone: StandsAlone) -> bool:
        """Return whether the record at hand has a record of its own among its later lines."""
        for place in range(self._start + 1, self._asked):
            with suppress(csv.Error):
                reader = csv.reader([self._lines[place]], delimiter=self.delimiter, strict=True)
                if stands_alone(next(reader, []), fields):
                    return True
        return False

    def _take(self, end: int) -> str:
        start, self._start = self._start, end
        return self._lines[start] if end == start + 1 else "\n".join(self._lines[start:end])

    def _feed(self, end: int) -> Iterator[str]:
        """Yield lines as the csv module asks for them: none beyond ``end`` but for an open record.

        Ends also where a record grows over the limit.
        """
        size = 0
        for place in count(self._start):
            self._asked = place + 1
            if place == self._start:
                size = -1
                if place >= end:
                    return
            elif place == len(self._lines):
                self._lines += next(self._blocks, [])
                if place == len(self._lines):
                    return
            line = self._lines[place]
            size += len(line) + 1
            if size > MAX_RECORD:
                return
            yield line + "\n"

    def _fault(self) -> str:
        """Say what is wrong with the record that could not be read."""
        if len(self._lines[self._start]) > MAX_RECORD:
            return (
                f"longer than {MAX_RECORD} characters "
                f"(only the first {_KEPT_OF_OVERLONG} are kept here)"
            )
        # Closed by some later line's quote is not closed where it was meant to be.
        if self._asked > self._start + 1:
            return "a quote is opened and not closed"
        return "text stands between a closing quote and the next delimiter"
