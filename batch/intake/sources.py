"""Where manifests come from: files, globs, standard input, gzip."""

import glob
import gzip
import hashlib
import os
import re
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from batch.errors import UsageError
from batch.intake.errors import echo

STDIN = "-"
_GZIP = b"\x1f\x8b"
_SPOOL_BYTES = 2**20
_is_quarantine = re.compile(r".*\.quarantine(-[0-9]+)?\.csv", re.DOTALL).fullmatch


def is_quarantine_name(name: str) -> bool:
    """Return whether ``name`` is one that :class:`QuarantineWriter` gives."""
    return _is_quarantine(name) is not None


def is_our_own_name(name: str) -> bool:
    """Return whether ``name`` is one of a file that we write beside lists."""
    return is_quarantine_name(name) or name.endswith(".results.csv")


def standard_input() -> BinaryIO | None:
    """Return the bytes of standard input; ``None`` where the shell closed it (``<&-``)."""
    return sys.stdin.buffer if sys.stdin else None


def expand_inputs(arguments: Sequence[str]) -> list[str]:
    """Return the inputs that ``arguments`` name, in order, each real file once.

    Globs are expanded sorted, leaving out directories, our own quarantine files and results; ``-``
    stays.
    Raise :class:`UsageError` for a pattern without a match, a directory, an unreadable file.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        for name in [argument] if argument == STDIN else _matches(argument):
            found.setdefault(name if name == STDIN else os.path.realpath(name), name)
    return list(found.values())


def _matches(argument: str) -> list[str]:
    # A name that exists is taken literally, brackets and all.
    if not os.path.lexists(argument) and glob.has_magic(argument):
        names = [
            name
            # Path.glob takes no absolute pattern.
            for name in sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
            if not Path(name).is_dir() and not is_our_own_name(name)
        ]
    else:
        names = [argument]
    if not names:
        raise UsageError(f"no file matches {echo(argument)}")
    for name in names:
        _check_readable(name)
    return names


def _check_readable(name: str) -> None:
    if not name:
        raise UsageError("a name of a file is empty; is a variable of the shell not set?")
    path = Path(name)
    try:
        if path.is_dir():
            raise UsageError(
                f"{echo(name)} is a directory; name its files, such as {echo(name + '/*.csv')}"
            )
        if not path.exists():
            raise UsageError(f"there is no file {echo(name)}")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {echo(name)}: {error}") from error
    if not os.access(path, os.R_OK):
        raise UsageError(f"cannot read {echo(name)}: permission denied")


def printable_name(path: Path) -> str:
    """Return a file's name as text that every database and stream takes.

    Names are bytes: what is not UTF-8 in one is escaped, and so is what would break a line.
    """
    return printable_text(os.fsencode(path).decode("utf-8", errors="backslashreplace"))


def printable_text(text: str) -> str:
    """Return ``text`` with what would break a line, or nobody sees, escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as stored, in hex.

    Raise :class:`UsageError` if it is unreadable, or is a pipe or a device: who hashes it first
    leaves nothing to load.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(
                f"{echo(str(path))} is a pipe or a device and can be read only once; pipe it "
                "into: vod-batch load -"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(echo(str(path)), error) from error


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f"cannot read {name}: {error.strerror or error}")


class _HashedStream:
    """A stream that hashes what is read from it, with its first bytes given back."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._sha256 = hashlib.sha256()
        self._head = b""
        self._head = self.read(len(_GZIP))
        self.is_gzip = self._head == _GZIP

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer only at the end (a raw pipe alone may give fewer)."""
        parts, self._head = [self._head], b""
        missing = size - len(parts[0])
        while missing > 0 and (part := self._read_some(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _read_some(self, size: int) -> bytes:
        try:
            part = self._stream.read(size)
        except OSError as error:
            raise _unreadable(self._name, error) from error
        self._sha256.update(part)
        return part

    def hexdigest(self) -> str:
        """Return the hash of all that was read so far, in hex."""
        return self._sha256.hexdigest()


class ByteSource:
    """The bytes of one input, unpacked when they are gzip, whatever the name says."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._name = name
        self._stored = _HashedStream(stream, name)
        self._gzip = (
            gzip.GzipFile(fileobj=self._stored, mode="rb")  # type: ignore[call-overload]
            if self._stored.is_gzip
            else None
        )

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer only at the end.

        Raise :class:`UsageError` for damaged gzip and for an input that cannot be read.
        """
        if self._gzip is None:
            return self._stored.read(size)
        try:
            data: bytes = self._gzip.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UsageError(
                f"{self._name} is cut short or damaged; nothing was loaded ({error})"
            ) from error
        return data

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes as stored, in hex; of the whole input once ``read`` gave none."""
        return self._stored.hexdigest()


def spooled(stream: BinaryIO | None) -> BinaryIO:
    """Return all of ``stream`` in a file that can be read again from its start; close it.

    The file has no name and is private, so it is gone when this process is, however that ends.
    Raise :class:`UsageError` for a closed or unreadable ``stream``, and where there is no room.
    """
    source = _HashedStream(_open_stream(stream), "standard input")
    file: BinaryIO | None = None
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        while block := source.read(_SPOOL_BYTES):
            file.write(block)
        file.seek(0)
    except OSError as error:
        with suppress(OSError):  # what is buffered finds no room either
            if file:
                file.close()
        raise UsageError(
            f"standard input cannot be kept in a temporary file: {error.strerror or error}; "
            "set TMPDIR to a folder with room for it, or name a file"
        ) from error
    return file


def _open_stream(stream: BinaryIO | None) -> BinaryIO:
    if stream is None:
        raise UsageError("standard input is closed; pipe the list in, or name its file")
    return stream


@contextmanager
def open_source(path: Path | None, stream: BinaryIO | None, name: str) -> Iterator[ByteSource]:
    """Open ``path``, or take ``stream`` and leave it open; raise :class:`UsageError`."""
    if path is None:
        yield ByteSource(_open_stream(stream), name)
        return
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {name}: {error}") from error
    with file:
        yield ByteSource(file, name)
