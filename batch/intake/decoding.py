"""From bytes to text: which encoding a manifest is in, and what to say when it is not."""

import codecs
import io
from collections.abc import Callable, Iterator

from batch.errors import UsageError
from batch.intake.errors import echo

BLOCK_BYTES = 384 * 1024
"""Bytes read at a time: about 10,000 lines of one media id each."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16: its little-endian mark begins like this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CANDIDATES = ("gb18030", "shift_jis", "big5", "euc-kr", "cp1252")
# Python counts these among the text encodings, but no file is written in them.
_NOT_FOR_FILES = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}
_HEAD_BYTES = 4096
_SAMPLE_BYTES = 1024

_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""What is written under an encoding's name, as browsers read it (WHATWG, Encoding Standard)."""

_AS_CSV = "save it as CSV (in Excel: Save As, CSV UTF-8), then load that"
_SIGNATURES = (
    (b"PK\x03\x04", "a zip file or an Excel workbook", _AS_CSV),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of before 2007 (.xls)", _AS_CSV),
    (b"%PDF-", "a PDF", "export the list as CSV instead"),
    (b"\x1f\x8b", "gzip within gzip", "unpack it once: gunzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it first: zstd -d"),
    (b"BZh", "packed with bzip2", "unpack it first: bunzip2"),
    (b"\xfd7zXZ\x00", "packed with xz", "unpack it first: unxz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first: 7z e"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it first: unrar e"),
    (b"PAR1", "a Parquet file", "export the list as CSV instead"),
    (b"SQLite format 3\x00", "an SQLite database", "export the list as CSV instead"),
)


def known_encoding(name: str) -> str:
    """Return Python's name of the encoding ``name``, or of what is written under that name.

    Raise :class:`UsageError` if it is unknown.
    """
    try:
        codec = codecs.lookup(name)
        # Refuses what is no text encoding, such as hex; empty bytes would be waved through.
        b"a".decode(name, errors="ignore")
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.name.replace("_", "-") in _NOT_FOR_FILES:
        raise UsageError(
            f"--encoding {echo(name)} is not known; try utf-8, utf-16, gb18030, shift_jis or big5"
        )
    return _SUPERSETS.get(codec.name, codec.name)


def find_encoding(head: bytes, name: str, asked: str | None) -> str:
    """Return the encoding that the first bytes of a file announce, else ``asked``, else UTF-8.

    A byte order mark is the file's own word, and beats a setting. Raise :class:`UsageError` for
    what is no text, and for UTF-16 without a mark.
    """
    for signature, what, advice in _SIGNATURES:
        if head.startswith(signature):
            raise UsageError(f"{name} is {what}, not a list in text; {advice}")
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if asked is not None:
        return known_encoding(asked)
    guess = _unmarked_utf16(head[:_HEAD_BYTES])
    if guess is not None:
        raise UsageError(
            f"{name} looks like UTF-16 without a byte order mark; say --encoding {guess}"
        )
    return "utf-8"


def _unmarked_utf16(head: bytes) -> str | None:
    """Return which UTF-16 it is, by the side that the NULs of Latin letters are on."""
    even, odd = head[::2], head[1::2]
    for nuls, letters, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if nuls.count(0) >= max(4, len(nuls) * 0.6) and not letters.count(0):
            return encoding
    return None


def readable_as(sample: bytes) -> list[str]:
    """Return which common encodings can read ``sample``, likeliest first. It proves nothing."""
    found = []
    for encoding in _CANDIDATES:
        try:
            codecs.getincrementaldecoder(known_encoding(encoding))().decode(sample)
        except UnicodeDecodeError:
            continue
        found.append(encoding)
    return found


class TextReader:
    """Text of a manifest in blocks, line ends as LF, without a byte order mark.

    ``read(n)`` returns up to ``n`` bytes, and fewer only at the end.
    """

    def __init__(self, read: Callable[[int], bytes], name: str, encoding: str | None) -> None:
        self._read = read
        self._name = name
        self._head = read(BLOCK_BYTES)
        self.encoding = find_encoding(self._head, name, encoding)
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._line = 1

    def blocks(self) -> Iterator[str]:
        """Yield the text; raise :class:`UsageError` where bytes are not of the encoding."""
        data, first = self._head, True
        while True:
            text = self._newlines.decode(self._decode(data), final=not data)
            self._line += text.count("\n")
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            yield text
            if not data:
                return
            data = self._read(BLOCK_BYTES)

    def _decode(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise self._undecodable(error.object, error.start) from None
        except UnicodeError:
            # UTF-16 or UTF-32 asked for by name, with no mark to show the byte order.
            raise UsageError(
                f"{self._name} has no byte order mark; say --encoding utf-16-le or utf-16-be"
            ) from None

    def _undecodable(self, data: bytes, start: int) -> UsageError:
        before = data[:start].decode(self.encoding, errors="replace")
        line = self._line + self._newlines.decode(before, final=True).count("\n")
        sample = data[data.rfind(b"\n", 0, start) + 1 : start + _SAMPLE_BYTES]
        advice = "say --encoding gb18030, --encoding shift_jis or what else the file was saved in"
        return UsageError(
            f"{self._name}: line {line} is not {self.encoding} (byte 0x{data[start]:02X}); "
            f"{advice} (the text there could be {', '.join(readable_as(sample))})"
        )
