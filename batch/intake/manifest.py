"""One manifest from first byte to last: chunks of rows and quarantined lines."""

import hashlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from batch.errors import UsageError
from batch.intake.csv_list import CsvList
from batch.intake.decoding import TextReader
from batch.intake.json_list import JsonList, begins_json
from batch.intake.model import Chunk, IntakeOptions, ListFacts
from batch.intake.options import check_options
from batch.intake.records import Lines
from batch.intake.sources import file_sha256, open_source

_is_a_page = re.compile(r"\s*<(!doctype|html|\?xml|head|body)\b", re.IGNORECASE).match


class Manifest:
    """One input. Its ``facts`` and ``sha256`` are complete once :meth:`chunks` was read to the end.

    ``path`` of ``None`` means ``stream``, which stays open and is read from its position on, each
    time anew if it can seek (:func:`~batch.intake.sources.spooled`). Raise :class:`UsageError` at
    once for options that cannot be carried out, later for an input that cannot be read as a whole.
    ``sha256`` is of the bytes as stored, in hex.
    """

    def __init__(
        self, path: Path | None, options: IntakeOptions, *, stream: BinaryIO | None = None
    ) -> None:
        check_options(options)
        self.path = path
        self.name = "standard input" if path is None else str(path)
        self.options = options
        self.facts = ListFacts()
        self.sha256 = ""
        self._stream = stream
        self._begin = stream.tell() if stream and stream.seekable() else None

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

    def chunks(self) -> Iterator[Chunk]:
        """Yield the manifest in chunks of up to 10,000 lines, in file order.

        Raise :class:`UsageError` for an input that cannot be read, unpacked or decoded, and for
        a header that cannot be used; what was yielded before must then not be kept.
        """
        self.facts, self.sha256 = ListFacts(), ""
        self._rewind()
        with open_source(self.path, self._stream, self.name) as source:
            text = TextReader(source.read, self.name, self.options.encoding)
            self.facts.encoding = text.encoding
            yield from self._open(text.blocks()).chunks()
            self.sha256 = source.sha256

    def _open(self, blocks: Iterator[str]) -> CsvList | JsonList:
        """Return the list that a text holds, by what it begins with."""
        head = []  # blank lines count
        first = ""
        while not first.strip() and (block := next(blocks, None)) is not None:
            head.append(first := block)
        if _is_a_page(first):
            raise UsageError(
                f"{self.name} is a web page or XML, not a list: perhaps what a login or an error "
                "page was saved as; fetch the list anew"
            )
        whole = chain(head, blocks)
        if begins_json(first):
            return JsonList(whole, self.options, self.name, self.facts)
        as_csv = CsvList(Lines(whole), self.options, self.name, self.facts)
        if not as_csv.is_quarantine:
            return as_csv
        self.facts = ListFacts(encoding=self.facts.encoding)
        return self._open(as_csv.quarantined_text())

    def insist_on_rows(self) -> None:
        """Raise :class:`UsageError` for a list of which too little could be read.

        That is more than ``max_bad`` percent of its records in quarantine, or all of them.
        """
        facts, most, bad = self.facts, self.options.max_bad, self.facts.first_bad
        if bad and (not facts.rows or facts.quarantined * 100 > most * facts.records):
            raise UsageError(
                f"{facts.quarantined:,} of {facts.records:,} lines of {self.name} cannot be used"
                + (f", more than --max-bad {most:g} %" if facts.rows else "")
                + f"; nothing of it was loaded; the first is line {bad.line}: {bad.reason}"
            )
