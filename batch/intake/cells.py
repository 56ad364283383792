"""What the cells beside the media id may hold: types, JSON objects, priority, campaign."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache

from batch.core.models import SHORT_NAMES, JobType, job_type_named
from batch.core.names import is_name
from batch.core.request_line import LONGEST_LINE, too_long_by
from batch.intake.errors import CellError, echo
from batch.intake.media_ids import MAX_MEDIA_ID
from batch.intake.model import PRIORITIES

MAX_EXTEND_BYTES = 512

_is_priority = re.compile(r"[+-]?[0-9]{1,5}").fullmatch
_split_types = re.compile(r"[\s,|;+]+").split
# An even number of backslashes before it, so that the text "\\u0000" does not count.
_holds_nul = re.compile(r"(?<!\\)(?:\\\\)*\\u0000").search
_KNOWN_TYPES = ", ".join([*JobType, *SHORT_NAMES.values()])


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
        return job_type_named(name)
    except ValueError:
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


def parse_campaign(cell: str) -> str:
    """Return the campaign that a non-empty cell names; raise :class:`CellError`."""
    name = cell.strip()
    if not is_name(name):
        raise CellError(f"bad campaign: {echo(name)}")
    return name


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
