"""A list in CSV: its records, and what of them is a row."""

import csv
from collections.abc import Iterator

from batch.errors import UsageError
from batch.intake.errors import CellError, echo
from batch.intake.header import QUARANTINE_COLUMNS, read_layout
from batch.intake.model import Chunk, IntakeOptions, ListFacts, QuarantinedLine
from batch.intake.records import Lines, RecordReader, is_blank, kept
from batch.intake.rows import RowMaker

CHUNK_LINES = 10_000
_AT_ONCE = 200
"""Lines read together: few to read again when one of them is bad."""
_LEAST_LENGTH = 16
"""Of ids that are all of one length, for a shorter one to be none (documented: 32)."""


class CsvList:
    """The rows of a CSV text. Raise :class:`UsageError` for a header that cannot be used."""

    def __init__(self, lines: Lines, options: IntakeOptions, name: str, facts: ListFacts) -> None:
        self._reader = RecordReader(lines)
        self._name = name
        self._facts = facts
        layout = read_layout(self._reader, options, name, facts)
        self.is_quarantine = layout is None
        if layout:
            self._layout = layout
            self._maker = RowMaker(layout, options)

    def quarantined_text(self) -> Iterator[str]:
        """Yield what a quarantine file keeps: the lines of a list, its header first."""
        while lines := self._reader.peek(CHUNK_LINES):
            for line, raw, fields in self._reader.records(len(lines), lambda _in, _out: False):
                if len(fields) == len(QUARANTINE_COLUMNS) and not isinstance(fields, str):
                    yield fields[-1] + "\n"
                elif not is_blank(fields):
                    raise UsageError(
                        f"{self._name}, line {line}: {echo(raw)} is not line, reason and raw; "
                        "mend what stands in the column raw, and leave its quotes around it"
                    )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the list in chunks of about 10,000 lines, in file order."""
        reader, facts, maker = self._reader, self._facts, self._maker
        while lines := reader.peek(CHUNK_LINES):
            first = reader.line
            chunk = self._bare_chunk(lines) or self._chunk(first + len(lines))
            if not (self._layout.header or facts.records):
                chunk = _without_title(chunk, first, lines[0])
            if not reader.peek(1) and reader.unended_line is not None:
                chunk = self._without_cut_end(chunk, reader.unended_line)
            facts.count(chunk)
            yield chunk
        facts.lines = reader.line - 1
        facts.tidied += maker.tidied

    def _bare_chunk(self, lines: list[str]) -> Chunk | None:
        said = self._maker.bare(lines)
        if said is None:
            return None
        first = self._reader.line
        self._reader.skip(len(lines))
        return Chunk(range(first, first + len(lines)), lines, said, [])

    def _chunk(self, end: int) -> Chunk:
        """Read the records that begin before line ``end``."""
        reader, maker = self._reader, self._maker
        numbers: list[int] = []
        chunk = Chunk(numbers, [], [], [])
        while (left := end - reader.line) > 0:
            lines = reader.peek(min(left, _AT_ONCE))
            records = reader.one_a_line(lines)
            columns = maker.many(lines, records) if records else None
            if columns:
                numbers.extend(range(reader.line, reader.line + len(lines)))
                chunk.media_ids.extend(columns[0])
                chunk.said.extend(columns[1])
                reader.skip(len(lines))
                continue
            for line, raw, fields in reader.records(len(lines), maker.stands_alone):
                self._facts.continued += raw.count("\n")
                try:
                    media_id, said = maker.one(raw, fields)
                except CellError as error:
                    if is_blank(fields):
                        self._facts.blank += 1
                    else:
                        chunk.quarantined.append(QuarantinedLine(line, str(error), kept(raw)))
                else:
                    numbers.append(line)
                    chunk.media_ids.append(media_id)
                    chunk.said.append(said)
        return chunk

    def _without_cut_end(self, chunk: Chunk, raw: str) -> Chunk:
        """Give up a last line that was cut off: it would be another media, or another type."""
        if not chunk.lines or chunk.lines[-1] != self._reader.line - 1:
            return chunk
        length, usual = len(chunk.media_ids[-1]), self._facts.usual_length(chunk.media_ids[:-1])
        if usual >= _LEAST_LENGTH and length < usual:
            reason = f"cut off: {length} of {usual} signs, and no line end"
            return chunk.giving_up(len(chunk.lines) - 1, reason, raw)
        fields = next(csv.reader([raw], delimiter=self._reader.delimiter), [])
        is_only_short = self._maker.short == 1 and len(fields) < self._layout.width
        if is_only_short and self._facts.rows + len(chunk.lines) > 1:
            reason = f"cut off: {len(fields)} of {self._layout.width} fields, and no line end"
            return chunk.giving_up(len(chunk.lines) - 1, reason, raw)
        return chunk


def _without_title(chunk: Chunk, line: int, raw: str) -> Chunk:
    """Give up a first line that is the name of a column, by what all others look like."""
    usual = set(map(len, chunk.media_ids[1:]))
    if not chunk.lines or chunk.lines[0] != line or len(usual) != 1:
        return chunk
    if len(chunk.media_ids[0]) >= min(usual) or min(usual) < _LEAST_LENGTH:
        return chunk
    return chunk.giving_up(0, f"a title, no media id: all others have {min(usual)} signs", raw)
