"""Media ids: what one looks like, what other programs put around one, and words that are none.

No pattern is documented (``vod-api.md`` 9): what may be an id is wide, what cannot be one is told
by what the programs write that lists come from.
"""

import re
import string
import unicodedata
from collections.abc import Sequence

from batch.intake.errors import CellError, echo
from batch.intake.names import is_id_name

MAX_MEDIA_ID = 64

_ALLOWED = string.ascii_letters.encode() + string.digits.encode() + b"_-"
_is_media_id = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_MEDIA_ID}}}").fullmatch

_WORDS_FOR_NOTHING = frozenset(
    ["null", "none", "nan", "na", "nil", "undefined", "true", "false", "unknown", "empty"]
)
_is_date = re.compile(
    r"(19|20)[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}"
    r"|[0-9]{1,2}-[0-9]{1,2}-(19|20)[0-9]{2}"
    r"|(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
).fullmatch
_LONGEST_WORD = 12
"""No word for nothing, date or name of a column among the likes of an id is longer."""

_AROUND = (
    "'\"`´"  # a spreadsheet's mark of a text, and quotes that a program put there twice
    "‘’‚‛“”„‟«»‹›"
    "()[]{}<>「」『』【】〔〕〈〉《》"
    "="  # ="0123" keeps a spreadsheet from reading a number
)


def parse_media_id(cell: str) -> str:
    """Return the media id in a cell, without what stands around it (:func:`without_wrapping`).

    Raise :class:`CellError` for anything else.
    """
    media_id = without_wrapping(cell)
    if not _is_media_id(media_id):
        if not media_id:
            raise CellError("no media id")
        raise CellError(f"bad media id: {echo(media_id)} (allowed: A-Z a-z 0-9 _ -, at most 64)")
    if reason := _no_id(media_id):
        raise CellError(f"no media id: {echo(media_id)} is {reason}")
    return media_id


def without_wrapping(cell: str) -> str:
    """Return a cell's text without quotes, brackets, ``=`` and spaces around it.

    Full-width forms become the usual ones; signs that nobody sees (zero width, direction, byte
    order marks) go wherever they stand.
    """
    text = cell.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    previous = None
    while text != previous:
        previous, text = text, text.strip().strip(_AROUND)
    return text


def _no_id(text: str) -> str | None:
    """Say what ``text`` is where a list holds it in place of an id."""
    if len(text) > _LONGEST_WORD:
        return None
    if text.lower() in _WORDS_FOR_NOTHING:
        return "a word for nothing"
    if not text.strip("-_"):
        return "a placeholder"
    if _is_date(text):
        return "a date"
    return "a header once more" if is_id_name(text) else None


def are_media_ids(texts: Sequence[str]) -> bool:
    """Return whether each of ``texts`` is a media id with nothing around it, all at once."""
    lengths = set(map(len, texts))
    if not lengths or min(lengths) == 0 or max(lengths) > MAX_MEDIA_ID:
        return False
    together = "".join(texts)
    if not together.isascii() or together.encode().translate(None, _ALLOWED):
        return False
    return min(lengths) > _LONGEST_WORD or not any(map(_no_id, texts))
