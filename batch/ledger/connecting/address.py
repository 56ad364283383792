"""The address of a PostgreSQL, as a person pastes it: a URL in the dialect of libpq.

The driver hands every key that it does not know to the server as a setting, which then refuses the
connection. So each key is known here: the driver's, ours, or refused by name.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from batch.errors import ConfigurationError
from batch.settings import Settings

_CONNECT_SECONDS = 10.0
_DRIVERS = frozenset({
    "host", "port", "dbname", "database", "user", "password", "passfile", "service",
    "sslmode", "sslcert", "sslkey", "sslrootcert", "sslnegotiation", "sslcrl", "sslpassword",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs",
    "krbsrvname", "gsslib", "options",
})  # fmt: skip
_LINES = frozenset({
    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
})  # fmt: skip
_OUR_NAMES = frozenset({"application_name", "fallback_application_name"})
_ONE_MEANING: Mapping[str, frozenset[str]] = {
    "channel_binding": frozenset({"prefer", "disable"}),
    "gssencmode": frozenset({"prefer", "disable"}),
    "client_encoding": frozenset({"utf8", "utf-8", "auto"}),
    "load_balance_hosts": frozenset({"disable"}),
    "sslcompression": frozenset({"0"}),
    "sslsni": frozenset({"1"}),
}
"""Keys of libpq that the driver lacks, and the values at which nothing is missed."""


@dataclass(frozen=True, slots=True)
class LineOptions:
    """When a TCP line without a sign of life counts as dead, in seconds; probes as a number.

    ``silence`` is for how long sent bytes may stay unacknowledged.
    """

    is_probed: bool = True
    idle: int = 15
    interval: int = 5
    probes: int = 3
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a PostgreSQL is: what is for the driver, and what we do ourselves.

    ``hosts`` is one URL a host, in order: each has ``connect_seconds`` to let us in, or one that is
    silent would take the time of all.
    """

    url: str
    hosts: tuple[str, ...] = ()
    connect_seconds: float = _CONNECT_SECONDS
    line: LineOptions = LineOptions()


def read_address(url: str) -> Address:
    """Read a URL of libpq's dialect.

    Raises:
        ConfigurationError: it has a key that means nothing here, or cannot be read; with which.
    """
    try:
        parts = urlsplit(url)
        given = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
        address = Address(url, (), _seconds_to_connect(given), _line(given))
    except ValueError as error:
        raise ConfigurationError(
            f"the database's URL cannot be read: {error}; write it like "
            "postgresql://user:password@host:5432/database"
        ) from error
    for key, value in given.items():
        _check_key(key, value)
    kept = {key: value for key, value in given.items() if key in _DRIVERS}
    hosts = tuple(_join(parts, netloc, query) for netloc, query in _each_host(parts.netloc, kept))
    return replace(address, url=_join(parts, parts.netloc, kept), hosts=hosts)


def _join(parts: SplitResult, netloc: str, query: Mapping[str, str]) -> str:
    tail = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{netloc}{parts.path}{tail}"


def _each_host(netloc: str, query: Mapping[str, str]) -> list[tuple[str, Mapping[str, str]]]:
    """Return where each host is; what prefers one kind of several needs to see them all."""
    who, at, named = netloc.rpartition("@")
    if query.get("target_session_attrs") == "prefer-standby":
        return [(netloc, query)]
    if named:
        return [(f"{who}{at}{host}", query) for host in named.split(",")]
    hosts, ports = query.get("host", "").split(","), query.get("port", "").split(",")
    if len(hosts) == 1 or len(ports) not in (1, len(hosts)):
        return [(netloc, query)]
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    return [
        (netloc, {**query, "host": host} | ({"port": port} if port else {}))
        for host, port in zip(hosts, ports, strict=True)
    ]


def _check_key(key: str, value: str) -> None:
    if key in _DRIVERS or key in _LINES or key in _OUR_NAMES or key == "connect_timeout":
        return
    if key in _ONE_MEANING:
        if value.lower() in _ONE_MEANING[key]:
            return
        can = " or ".join(sorted(_ONE_MEANING[key]))
        raise ConfigurationError(
            f"the database's URL asks for {key}={value}, which this program cannot do; "
            f"take it out, or write {key}={can}"
        )
    known = [*_DRIVERS, *_LINES, *_OUR_NAMES, *_ONE_MEANING, "connect_timeout"]
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "take it out"
    raise ConfigurationError(f"the database's URL has an unknown key, {key!r}; {hint}")


def _seconds_to_connect(given: Mapping[str, str]) -> float:
    """Read ``connect_timeout`` as libpq does: whole seconds, where 0 and less mean no limit.

    Without a limit of the person's own there is still ours.
    """
    seconds = _whole(given, "connect_timeout", 0)
    return float(seconds) if seconds > 0 else _CONNECT_SECONDS


def _line(given: Mapping[str, str]) -> LineOptions:
    usual = LineOptions()
    milliseconds = _whole(given, "tcp_user_timeout", 0)
    return LineOptions(
        is_probed=_whole(given, "keepalives", 1) != 0,
        idle=_whole(given, "keepalives_idle", 0) or usual.idle,
        interval=_whole(given, "keepalives_interval", 0) or usual.interval,
        probes=_whole(given, "keepalives_count", 0) or usual.probes,
        silence=milliseconds / 1000 if milliseconds > 0 else usual.silence,
    )


def _whole(given: Mapping[str, str], key: str, usual: int) -> int:
    text = given.get(key, "")
    if not text:
        return usual
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"{key}={text} is not a whole number") from None
    if not -1 <= number <= 2**31 - 1:
        raise ValueError(f"{key}={text} is out of range")
    return max(number, 0)


def database_url(settings: Settings, *, direct: bool = False) -> str:
    """Return the URL to connect to; ``direct`` asks for the one without a pooler, where given."""
    assert settings.database_url is not None
    if direct and settings.database_direct_url:
        return settings.database_direct_url.get_secret_value()
    return settings.database_url.get_secret_value()
