"""How single settings are written: durations, amounts, names, endpoints."""

import re
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from batch.core.deadline import find_zone, parse_time_of_day
from batch.core.models import SHORT_NAMES, job_type_named
from batch.core.names import is_name

_LONGEST_DURATION = timedelta(days=3650)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(text: object) -> object:
    """Turn ``90s``, ``16m``, ``1h`` or ``1h30m`` into a timedelta; other values pass through.

    Raises:
        ValueError: the text is not a duration.
    """
    if not isinstance(text, str):
        if isinstance(text, timedelta):
            return text
        raise ValueError("write a duration with its unit, such as 90s, 16m or 1h")
    compact = text.replace(" ", "").lower()
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 16m or 1h")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST_DURATION.total_seconds():
        raise ValueError(f"{text[:20]!r} is too long; at most {_LONGEST_DURATION.days}d")
    return timedelta(seconds=seconds)


def written(value: object) -> str:
    """Return a setting's value as a person writes it; nothing for one that is unset."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    if isinstance(value, timedelta):
        sizes = {unit: timedelta(seconds=size) for unit, size in _UNITS.items()}
        fits = [unit for unit, size in sizes.items() if not value % size]
        return f"{value // sizes[fits[-1]]}{fits[-1]}"
    return "" if value is None else str(value)


def read_types(value: object) -> object:
    """Turn names of job types, ``dna, tag`` too, into types. Raises ValueError."""
    if isinstance(value, (list, tuple)):
        return tuple(job_type_named(part) if isinstance(part, str) else part for part in value)
    return value


def read_prices(value: object) -> object:
    """Turn the short names of types in a table of prices into their full ones, ``none`` into none.

    Raises:
        ValueError: a type is priced by both of its names.
    """
    if not isinstance(value, dict):
        return {} if none_or_value(value) is None else value
    full = {short: name.value for name, short in SHORT_NAMES.items()}
    read = {full.get(key, key): read_prices(price) for key, price in value.items()}
    if len(read) < len(value):
        raise ValueError("a type is priced by both of its names; leave one out")
    return read


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError("must be longer than zero")
    return duration


def parse_until(text: object) -> object:
    """Turn ``06:00`` into a time. Raises ValueError; a bare 6 would be seconds to pydantic."""
    if isinstance(text, time):
        return text
    return parse_time_of_day(text if isinstance(text, str) else repr(text))


def check_zone(name: str) -> str:
    """Return the name of a time zone. Raises ValueError."""
    find_zone(name)
    return name


def check_name(name: str) -> str:
    """Return a name that may stand in file names, keys and reports. Raises ValueError."""
    if not is_name(name):
        raise ValueError(
            f"{name[:80]!r} is not a name; use at most 64 of A-Z a-z 0-9 . _ -, a letter or a "
            "digit first"
        )
    return name


def check_endpoint(endpoint: str) -> str:
    """Return a URL of scheme, host and port. Raises ValueError."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{endpoint!r} is not a URL; write it like http://127.0.0.1:8808")
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError("must hold scheme, host and port only, like http://127.0.0.1:8808")
    if parts.scheme == "http" and is_cloud_host(parts.hostname):
        raise ValueError("the cloud is called over https only")
    return endpoint.rstrip("/")


def none_or_value(value: object) -> object:
    """Turn the word ``none`` into no value: what a target has kept is then kept no longer."""
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive)]
Money = Annotated[Decimal, Field(ge=0, le=10**12, allow_inf_nan=False)]
Name = Annotated[str, AfterValidator(check_name)]


def is_cloud_host(host: str) -> bool:
    """Return whether ``host`` is one of the cloud's own (``vod-api.md`` 7)."""
    return host == "aliyuncs.com" or host.endswith(".aliyuncs.com")
