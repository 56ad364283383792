"""Log lines: pretty on a terminal, JSON elsewhere, always on stderr.

Few, wide lines. Secrets and signatures are never handed to a logger; as a last
guard, values under tell-tale names are masked here.
"""

import logging
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import Any, Literal

import structlog

_SECRET_NAMES = ("secret", "token", "password", "signature", "authorization", "database_url")


def configure_logs(log_format: Literal["auto", "json", "console"] = "auto") -> None:
    """Set up structlog for this process; called once by the command line."""
    structlog.configure(
        processors=_processors(log_format),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def rare_logger() -> Any:
    """Return a logger for what hardly ever happens, also to a command that only looks: such a one
    is quick, and has set nothing up.
    """
    if structlog.is_configured():
        return structlog.get_logger()
    return structlog.wrap_logger(structlog.WriteLogger(sys.stderr), _processors("auto"))


def _processors(log_format: str) -> list[structlog.typing.Processor]:
    pretty = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secrets,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(),
    ]


def silence_logs() -> None:
    """Say nothing in this process; for runs that are expected to go wrong."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=True,
    )


def _mask_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name in event:
        if _tells_a_secret(name):
            event[name] = "***"
    return event


@cache  # the names are those that the code writes
def _tells_a_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_NAMES)
