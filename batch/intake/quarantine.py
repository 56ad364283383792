"""The file of lines that were not loaded, for a person to fix."""

import csv
import filecmp
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from batch.errors import UsageError
from batch.intake.errors import echo
from batch.intake.header import QUARANTINE_COLUMNS
from batch.intake.model import QuarantinedLine


class QuarantineWriter:
    """Writes ``<name>.quarantine.csv`` into ``directory``; without a line there is no file.

    Columns ``line,reason,raw``, UTF-8, LF, ``raw`` as it was read; first the list's ``header``, if
    it has one, so that what a person mends in ``raw`` can be loaded like any list. The file appears
    under its name only at :meth:`close`, and is dropped when the ``with`` block ends in an
    exception. A file of that name with the same content is kept as it is; one with other content
    is left alone and the new one gets ``-1``, ``-2`` ... ``count`` is the number of lines, ``path``
    the file once closed.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.header = ""
        self.count = 0
        self.path: Path | None = None
        self._temporary: Path | None = None
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, lines: Iterable[QuarantinedLine]) -> None:
        """Append ``lines``; raise :class:`UsageError` when the directory takes no file."""
        rows = [(line.line, line.reason, line.raw) for line in lines]
        if not rows:
            return
        try:
            csv.writer(self._opened(), lineterminator="\n").writerows(rows)
            self.count += len(rows)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> Path | None:
        """Give the file its name and return it; ``None`` when no line was written."""
        if self._file is None or self._temporary is None:
            return self.path
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.path = self._publish(self._temporary)
        except OSError as error:
            self.abort()
            raise self._unwritable(error) from error
        self._file = self._temporary = None
        return self.path

    def abort(self) -> None:
        """Drop what was written since the start."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
        self._file = self._temporary = None

    def _opened(self) -> TextIO:
        if self._file is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._temporary = self.directory / f".{secrets.token_hex(8)}.quarantine.tmp"
            # UTF-7 and the like can give lone surrogates, which UTF-8 cannot hold.
            self._file = self._temporary.open(
                "x", encoding="utf-8", errors="backslashreplace", newline=""
            )
            writer = csv.writer(self._file, lineterminator="\n")
            writer.writerow(QUARANTINE_COLUMNS)
            if self.header:
                writer.writerow((1, "the header of the list", self.header))
        return self._file

    def _publish(self, temporary: Path) -> Path:
        """Move the file to the first free name, or find it there already."""
        for number in count():
            path = self.directory / f"{self.name}.quarantine{f'-{number}' if number else ''}.csv"
            try:
                # Takes the name before the move, so that nobody's file is ever written over.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                if path.is_file() and filecmp.cmp(path, temporary, shallow=False):
                    temporary.unlink()
                    return path
                continue
            temporary.replace(path)
            return path
        raise AssertionError("names never run out")

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"cannot write a quarantine file in {echo(str(self.directory))}: "
            f"{error.strerror or error}; choose another place with --quarantine DIR"
        )
