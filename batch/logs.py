"""Log lines: pretty on a terminal, JSON elsewhere, always on stderr.

Few, wide lines: how far a run is, once a minute, what its parts came to, and problems. Secrets and
signatures are never handed to a logger; as a last guard, values under names of secrets are masked
here.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from typing import Any, Literal
from uuid import UUID

import structlog

_SECRET_NAMES = ("secret", "token", "password", "signature", "authorization", "database_url")


def configure_logs(
    log_format: Literal["auto", "json", "console"] = "auto",
    log: Literal["auto", "attempts", "quiet"] = "auto",
) -> None:
    """Set up structlog for this process; called once by the command line."""
    level = logging.WARNING if log == "quiet" else logging.INFO
    structlog.configure(
        processors=_processors(log_format),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


@contextlib.contextmanager
def lines_of_run(run: UUID) -> Iterator[None]:
    """Let every line of the block, and of the tasks that it makes, name the run."""
    with structlog.contextvars.bound_contextvars(run=str(run)):
        yield


class EachMinute:
    """Logs how far something is, once in ``seconds`` of ``clock`` at the most."""

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._told_at = clock()

    def tell(self, phase: str, **figures: object) -> None:
        """Log the figures, if that was not done for so long."""
        if self._clock() - self._told_at >= self._seconds:
            self._told_at = self._clock()
            structlog.get_logger().info("progress", phase=phase, **figures)


def rare_logger() -> Any:
    """Return a logger for what hardly ever happens, also to a command that only looks: such a one
    is quick, and has set nothing up.
    """
    if structlog.is_configured():
        return structlog.get_logger()
    return structlog.wrap_logger(structlog.WriteLogger(sys.stderr), _processors("auto"))


def _processors(log_format: str) -> list[structlog.typing.Processor]:
    pretty = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    has_colours = not os.environ.get("NO_COLOR")
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secrets,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=has_colours)
        if pretty
        else structlog.processors.JSONRenderer(),
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
        if _names_a_secret(name):
            event[name] = "***"
    return event


@cache  # the names are those that the code writes
def _names_a_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_NAMES)
