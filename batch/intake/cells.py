"""What one cell may hold: media id, types, JSON objects, priority."""

import json
import re
import string
from collections.abc import Iterable, Sequence
from functools import lru_cache

from batch.core.models import JobType
from batch.core.request_line import LONGEST_LINE, too_long_by
from batch.intake.model import PRIORITIES

MAX_MEDIA_ID = 64
MEDIA_ID = rf"[A-Za-z0-9_-]{{1,{MAX_MEDIA_ID}}}"
MAX_EXTEND_BYTES = 512
SHORT_NAMES = {JobType.MEDIA_DNA: "dna", JobType.VIDEO_TAG: "tag"}

_MAX_ECHO = 80
_MEDIA_ID_BYTES = string.ascii_letters.encode() + string.digits.encode() + b"_-"
_is_media_id = re.compile(MEDIA_ID).fullmatch
_is_priority = re.compile(r"[+-]?[0-9]{1,5}").fullmatch
_split_types = re.compile(r"[\s,|;+]+").split
# An even number of backslashes before it, so that the text "\\u0000" does not count.
_holds_nul = re.compile(r"(?<!\\)(?:\\\\)*\\u0000").search
_TYPE_BY_NAME = {job_type.lower(): job_type for job_type in JobType} | {
    short: job_type for job_type, short in SHORT_NAMES.items()
}
_KNOWN_TYPES = ", ".join([*JobType, *SHORT_NAMES.values()])


class CellError(ValueError):
    """A cell cannot be used; the text is the reason shown to a person."""


def echo(text: str) -> str:
    """Return ``text`` in quotes for a message: control characters escaped, 80 at most."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text[:_MAX_ECHO]
    )
    return f"'{shown[:_MAX_ECHO]}…'" if len(text) > _MAX_ECHO else f"'{shown}'"


def parse_media_id(cell: str) -> str:
    """Return the trimmed media id; raise :class:`CellError` for anything else."""
    media_id = cell.strip()
    if _is_media_id(media_id):
        return media_id
    if not media_id:
        raise CellError("no media id")
    raise CellError(f"bad media id: {echo(media_id)} (allowed: A-Z a-z 0-9 _ -, at most 64)")


def are_media_ids(texts: Sequence[str]) -> bool:
    """Return whether each of ``texts`` is a media id with nothing around it, all at once."""
    lengths = set(map(len, texts))
    if not lengths or min(lengths) == 0 or max(lengths) > MAX_MEDIA_ID:
        return False
    together = "".join(texts)
    return together.isascii() and not together.encode().translate(None, _MEDIA_ID_BYTES)


def join_types(types: Iterable[JobType]) -> str:
    """Return ``types`` comma separated, in canonical order, each once."""
    wanted = set(types)
    return ",".join(job_type for job_type in JobType if job_type in wanted)


def parse_types(cell: str, offered: frozenset[JobType], region: str) -> str:
    """Return the job types a non-empty cell names, comma separated in canonical order.

    Raise :class:`CellError` for an unknown name and for a type that ``region`` does not offer.
    """
    types = {_type_named(name) for name in _split_types(cell.strip()) if name}
    if not types:
        raise CellError(f"unknown type: {echo(cell)} (known: {_KNOWN_TYPES})")
    for job_type in JobType:
        if job_type in types and job_type not in offered:
            raise CellError(f"{job_type} is not offered in region {region}")
    return join_types(types)


def _type_named(name: str) -> JobType:
    try:
        return _TYPE_BY_NAME[name.lower()]
    except KeyError:
        raise CellError(f"unknown type: {echo(name)} (known: {_KNOWN_TYPES})") from None


def parse_priority(cell: str) -> int:
    """Return the priority a non-empty cell states; raise :class:`CellError` when out of range."""
    text = cell.strip()
    if _is_priority(text) and int(text) in PRIORITIES:
        return int(text)
    raise CellError(
        f"bad priority: {echo(text)} "
        f"(allowed: a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]})"
    )


class _JsonRuleError(ValueError):
    """The text is JSON for Python's parser, but not for us."""


def _object_of_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _JsonRuleError("a key stands twice in one object")
    return result


def _refuse_constant(name: str) -> object:
    raise _JsonRuleError(f"{name} is not JSON")


# Made once: json.loads and json.dumps would make new ones for every cell.
_decode = json.JSONDecoder(
    object_pairs_hook=_object_of_unique_keys, parse_constant=_refuse_constant
).decode
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def _load_object(text: str) -> dict[str, object]:
    value = _decode(text)
    if not isinstance(value, dict):
        raise _JsonRuleError("it is not in braces")
    return value


def _compact(value: object) -> str:
    text = _encode(value)
    text.encode()
    if "\\u0000" in text and _holds_nul(text):
        raise _JsonRuleError("it holds a NUL character")
    return text


def _json_reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at character {error.pos + 1}"
        case RecursionError():
            return "it is nested too deep"
        case UnicodeEncodeError():
            return "it holds half of a surrogate pair"
        case _JsonRuleError():
            return str(error)
        case _:
            return "a number is out of range"


def parse_json_object(text: str, what: str) -> tuple[dict[str, object], str]:
    """Return the object in ``text`` and its canonical JSON text.

    Canonical: sorted keys, compact separators, UTF-8 as it is. Raise :class:`CellError`, which
    begins with ``what``, for all that is not one JSON object with unique keys and finite numbers,
    and for text that PostgreSQL cannot hold (NUL, lone surrogates).
    """
    try:
        value = _load_object(text)
        return value, _compact(value)
    except (ValueError, RecursionError) as error:
        reason = _json_reason(error)
    raise CellError(f"{what} is not a JSON object: {reason}: {echo(text)}")


@lru_cache(maxsize=64)
def parse_config(text: str, what: str = "config") -> str:
    """Return the canonical text of a configuration; raise :class:`CellError`."""
    return parse_json_object(text, what)[1]


def parse_user_data(text: str) -> str:
    """Return the canonical text of a ``UserData`` object.

    Raise :class:`CellError` also when ``Extend`` is over 512 bytes (``vod-api.md`` 3).
    """
    value, canonical = parse_json_object(text, "user_data")
    if "Extend" in value:
        _check_extend(value["Extend"])
    return canonical


def _check_extend(extend: object) -> None:
    if isinstance(extend, str):
        # Both forms circulate. A string is sent as it is written, so that is what counts.
        parse_json_object(extend, "user_data.Extend")
        sent = extend
    elif isinstance(extend, dict):
        sent = _compact(extend)
    else:
        raise CellError("user_data.Extend is neither a JSON object nor a string that holds one")
    size = len(sent.encode())
    if size > MAX_EXTEND_BYTES:
        raise CellError(f"user_data.Extend has {size} bytes (allowed: {MAX_EXTEND_BYTES})")


def check_length(config: str | None, user_data: str | None = None) -> None:
    """Raise :class:`CellError` where the request of a row would be too long for its line.

    Both types of a media may go in one request, and its id may have any length that is allowed.
    """
    if over := too_long_by("0" * MAX_MEDIA_ID, JobType, config, user_data):
        raise CellError(
            f"config and user_data make a request line of {LONGEST_LINE + over:,} bytes "
            f"(allowed: {LONGEST_LINE:,}, as it is sent: most signs in JSON take three)"
        )
