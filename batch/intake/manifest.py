"""One manifest from first byte to last: chunks of rows and quarantined lines."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch.errors import UsageError
from batch.intake.cells import CellError
from batch.intake.decoding import TextReader
from batch.intake.dialect import SNIFFED_LINES, WITHOUT_HEADER, Layout, read_header, sniff_delimiter
from batch.intake.model import Chunk, IntakeOptions, QuarantinedLine
from batch.intake.options import check_options
from batch.intake.records import RecordReader, kept, split_lines
from batch.intake.rows import RowMaker
from batch.intake.sources import file_sha256, open_source

CHUNK_LINES = 10_000
_AT_ONCE = 200
"""Lines read together: few to read again when one of them is bad."""


class Manifest:
    """One input. Its facts are complete once :meth:`chunks` has been read to the end.

    ``path`` of ``None`` means ``stream``, which stays open and is read from its position on, each
    time anew if it can seek (:func:`~batch.intake.sources.spooled`). Raise :class:`UsageError` at
    once for options that cannot be carried out, later for an input that cannot be read as a whole.

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
        self.options = options
        self._stream = stream
        self._begin = stream.tell() if stream and stream.seekable() else None
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

    def _rewind(self) -> None:
        if self._stream and self._begin is not None:
            self._stream.seek(self._begin)

    def stored_sha256(self) -> str:
        """Return what ``sha256`` will be, from an input that can be read again afterwards."""
        if self._stream is None:
            assert self.path
            return file_sha256(self.path)
        self._rewind()
        return hashlib.file_digest(self._stream, "sha256").hexdigest()  # type: ignore[arg-type]

    @property
    def records(self) -> int:
        """Rows and quarantined lines so far."""
        return self.rows + self.quarantined

    def chunks(self) -> Iterator[Chunk]:
        """Yield the manifest in chunks of about 10,000 lines, in file order.

        Raise :class:`UsageError` for an input that cannot be read, unpacked or decoded, and for
        a header that cannot be used; what was yielded before must then not be kept.
        """
        self._reset()
        self._rewind()
        with open_source(self.path, self._stream, self.name) as source:
            text = TextReader(source.read, self.name, self.options.encoding)
            self.encoding = text.encoding
            reader = RecordReader(split_lines(text.blocks()))
            maker = RowMaker(self._read_layout(reader), self.options)
            while lines := reader.peek(CHUNK_LINES):
                chunk = self._bare_chunk(reader, maker, lines) or self._chunk(
                    reader, maker, reader.line + len(lines)
                )
                self.rows += len(chunk.media_ids)
                self.quarantined += len(chunk.quarantined)
                yield chunk
            self.lines = reader.line - 1
            self.sha256 = source.sha256

    def _read_layout(self, reader: RecordReader) -> Layout:
        """Read the first record that is not blank, which decides delimiter and columns."""
        while sample := reader.peek(SNIFFED_LINES):
            reader.delimiter = sniff_delimiter(sample)
            _, _, fields = next(reader.records(1))
            if _is_blank(fields):
                self.blank += 1
                continue
            self.delimiter = reader.delimiter
            layout = self._header(fields)
            if layout is None:
                reader.rewind()
                break
            self.header, self.columns, self.ignored = True, layout.columns, layout.ignored
            return layout
        return WITHOUT_HEADER

    def _header(self, fields: list[str] | str) -> Layout | None:
        if not isinstance(fields, str):
            return read_header(fields, self.options.column, self.name)
        if self.options.column is not None:
            raise UsageError(f"the header of {self.name} cannot be read: {fields}")
        return None

    def _bare_chunk(self, reader: RecordReader, maker: RowMaker, lines: list[str]) -> Chunk | None:
        said = maker.bare(lines)
        if said is None:
            return None
        first = reader.line
        reader.skip(len(lines))
        return Chunk(range(first, reader.line), lines, said, [])

    def _chunk(self, reader: RecordReader, maker: RowMaker, end: int) -> Chunk:
        """Read the records that begin before line ``end``."""
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
            for line, raw, fields in reader.records(len(lines)):
                try:
                    media_id, said = maker.one(raw, fields)
                except CellError as error:
                    if _is_blank(fields):
                        self.blank += 1
                    else:
                        chunk.quarantined.append(QuarantinedLine(line, str(error), kept(raw)))
                else:
                    numbers.append(line)
                    chunk.media_ids.append(media_id)
                    chunk.said.append(said)
        return chunk


def _is_blank(fields: list[str] | str) -> bool:
    return not any(map(str.strip, fields))
