"""One manifest from first byte to last: chunks of rows and quarantined lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch.errors import UsageError
from batch.intake.cells import CellError
from batch.intake.decoding import TextReader
from batch.intake.dialect import SNIFFED_LINES, WITHOUT_HEADER, Layout, read_header, sniff_delimiter
from batch.intake.model import BareLines, Chunk, IntakeOptions, ManifestRow, QuarantinedLine
from batch.intake.options import check_options
from batch.intake.quarantine import QuarantineWriter
from batch.intake.records import RecordError, RecordReader, UnfinishedError, kept, split_lines
from batch.intake.rows import PLAIN_LINES, RowMaker
from batch.intake.sources import (
    expand_inputs,
    file_sha256,
    is_quarantine_name,
    open_source,
    printable_name,
    standard_input,
)

__all__ = [
    "CHUNK_LINES",
    "BareLines",
    "Chunk",
    "IntakeOptions",
    "Manifest",
    "ManifestRow",
    "QuarantineWriter",
    "QuarantinedLine",
    "check_options",
    "expand_inputs",
    "file_sha256",
    "is_quarantine_name",
    "printable_name",
    "standard_input",
]

CHUNK_LINES = 10_000
BARE_LINES = 400
"""Fewest bare lines that are worth a piece of their own."""
_CHUNK_CHARACTERS = 4 * 2**20
"""Ends a chunk early, so that long records do not pile up."""


class Manifest:
    """One input. Its facts are complete once :meth:`chunks` has been read to the end.

    ``path`` of ``None`` means ``stream``, which stays open. Raise :class:`UsageError` at once for
    options that cannot be carried out, and later for an input that cannot be read as a whole.

    Facts: ``sha256`` of the bytes as stored, in hex; ``lines``, the physical lines; ``records``,
    which are ``rows`` and ``quarantined`` together, without header and blank ones; ``blank``
    records (nothing but white space and delimiters); ``encoding``; ``delimiter``; ``header``;
    ``columns``, the optional ones in use; ``ignored``, the names of columns that say nothing to us.
    """

    def __init__(
        self, path: Path | None, options: IntakeOptions, *, stream: BinaryIO | None = None
    ) -> None:
        check_options(options)
        self.path = path
        self.name = "standard input" if path is None else str(path)
        self._options = options
        self._stream = stream
        self._reset()

    def _reset(self) -> None:
        self.sha256 = ""
        self.encoding = ""
        self.delimiter = ""
        self.header = False
        self.columns: tuple[str, ...] = ()
        self.ignored: tuple[str, ...] = ()
        self.lines = 0
        self.blank = 0
        self.rows = 0
        self.quarantined = 0

    @property
    def records(self) -> int:
        """Rows and quarantined lines so far."""
        return self.rows + self.quarantined

    def chunks(self) -> Iterator[Chunk]:
        """Yield the manifest in chunks, as :meth:`pieces` do."""
        for piece in self.pieces():
            yield Chunk(piece.rows(), []) if isinstance(piece, BareLines) else piece

    def pieces(self) -> Iterator[Chunk | BareLines]:
        """Yield the manifest in pieces of about 10,000 lines, in file order.

        Raise :class:`UsageError` for an input that cannot be read, unpacked or decoded, and for
        a header that cannot be used; what was yielded before must then not be kept.
        """
        self._reset()
        with open_source(self.path, self._stream, self.name) as source:
            text = TextReader(source.read, self.name, self._options.encoding)
            self.encoding = text.encoding
            window = _Window(self, self._options)
            for lines in split_lines(text.blocks()):
                yield from window.parse(lines, final=False)
            yield from window.parse([], final=True)
            self.sha256 = source.sha256

    def _note_layout(self, layout: Layout, delimiter: str) -> None:
        self.header = layout.header
        self.columns = layout.columns
        self.ignored = layout.ignored
        self.delimiter = delimiter


def _is_blank(fields: list[str]) -> bool:
    return not any(map(str.strip, fields))


class _Window:
    """The lines at hand, and the place of the next record among them."""

    def __init__(self, manifest: Manifest, options: IntakeOptions) -> None:
        self._manifest = manifest
        self._options = options
        self._lines: list[str] = []
        self._place = 0
        self._reader: RecordReader | None = None
        self._maker: RowMaker | None = None
        self._not_bare = 0
        self._chunk = Chunk([], [])
        self._chunk_characters = 0

    def parse(self, lines: list[str], *, final: bool) -> Iterator[Chunk | BareLines]:
        """Take ``lines`` in and yield the chunks they fill; the last one when ``final``."""
        self._lines = self._lines[self._place :] + lines
        self._place = 0
        if self._maker is None:
            self._read_layout(final=final)
        if self._maker is not None:
            yield from self._parse_records(self._maker, final=final)
        if final and (self._chunk.rows or self._chunk.quarantined):
            yield self._take_chunk()

    def _read_layout(self, *, final: bool) -> None:
        """Find the first record that is not blank; it decides delimiter and columns."""
        while self._place < len(self._lines) and self._maker is None:
            sample = self._lines[self._place : self._place + SNIFFED_LINES]
            self._reader = RecordReader(sniff_delimiter(sample))
            try:
                fields, count = self._reader.read(self._lines, self._place, final=final)
            except UnfinishedError:
                return
            except RecordError as error:
                self._set_layout(self._without_header(str(error)), self._reader.delimiter)
                return
            if _is_blank(fields):
                self._pass_blank(count)
            else:
                self._set_layout(self._with_header(fields, count), self._reader.delimiter)

    def _set_layout(self, layout: Layout, delimiter: str) -> None:
        self._manifest._note_layout(layout, delimiter)
        ahead = self._lines[self._place : self._place + SNIFFED_LINES]
        quoted = any('"' in line for line in ahead)
        self._maker = RowMaker(layout, delimiter, self._options, quoted=quoted)

    def _without_header(self, reason: str) -> Layout:
        if self._options.column is not None:
            raise UsageError(f"the header of {self._manifest.name} cannot be read: {reason}")
        return WITHOUT_HEADER

    def _with_header(self, fields: list[str], count: int) -> Layout:
        layout = read_header(fields, self._options.column, self._manifest.name)
        if layout is None:
            return WITHOUT_HEADER
        self._pass(count)
        return layout

    def _parse_records(self, maker: RowMaker, *, final: bool) -> Iterator[Chunk | BareLines]:
        while self._place < len(self._lines):
            if bare := self._take_bare(maker):
                if self._chunk.rows or self._chunk.quarantined:
                    yield self._take_chunk()
                yield bare
            elif not self._take_plain(maker) and not self._take_record(maker, final=final):
                return
            if self._chunk_is_full():
                yield self._take_chunk()

    def _take_bare(self, maker: RowMaker) -> BareLines | None:
        """Take as many lines as make a chunk, if all of them are bare."""
        line = self._manifest.lines + 1
        if line < self._not_bare:
            return None
        ahead = self._lines[self._place : self._place + CHUNK_LINES]
        bare = maker.bare_lines(line, ahead) if len(ahead) >= BARE_LINES else None
        if bare is None:
            # Looked at once: lines that are not all bare are not looked at again one by one.
            self._not_bare = line + len(ahead)
            return None
        self._manifest.rows += len(ahead)
        self._pass(len(ahead))
        return bare

    def _take_plain(self, maker: RowMaker) -> bool:
        """Take the plain lines at the place, some hundred at most; tell whether there were any."""
        room = min(PLAIN_LINES, CHUNK_LINES - len(self._chunk.rows))
        ahead = self._lines[self._place : self._place + room]
        rows = maker.plain_rows(self._manifest.lines + 1, ahead)
        self._chunk.rows.extend(rows)
        self._manifest.rows += len(rows)
        self._pass(len(rows))
        return bool(rows)

    def _take_record(self, maker: RowMaker, *, final: bool) -> bool:
        """Take one record by the csv module's rules; tell ``False`` when it needs more lines."""
        assert self._reader is not None
        line = self._manifest.lines + 1
        try:
            fields, count = self._reader.read(self._lines, self._place, final=final)
        except UnfinishedError:
            return False
        except RecordError as error:
            # The line alone: what follows an unclosed quote is mostly good lines.
            self._quarantine(line, str(error), self._lines[self._place], 1)
            return True
        if _is_blank(fields):
            self._pass_blank(count)
            return True
        raw = "\n".join(self._lines[self._place : self._place + count])
        try:
            row = maker.row(line, fields, raw)
        except CellError as error:
            self._quarantine(line, str(error), raw, count)
            return True
        self._chunk.rows.append(row)
        self._chunk_characters += len(raw)
        self._manifest.rows += 1
        self._pass(count)
        return True

    def _quarantine(self, line: int, reason: str, raw: str, count: int) -> None:
        raw = kept(raw)
        self._chunk.quarantined.append(QuarantinedLine(line, reason, raw))
        self._chunk_characters += len(raw)
        self._manifest.quarantined += 1
        self._pass(count)

    def _pass_blank(self, count: int) -> None:
        self._manifest.blank += 1
        self._pass(count)

    def _pass(self, count: int) -> None:
        self._place += count
        self._manifest.lines += count

    def _chunk_is_full(self) -> bool:
        records = len(self._chunk.rows) + len(self._chunk.quarantined)
        return records >= CHUNK_LINES or self._chunk_characters >= _CHUNK_CHARACTERS

    def _take_chunk(self) -> Chunk:
        chunk, self._chunk, self._chunk_characters = self._chunk, Chunk([], []), 0
        return chunk
