"""The two clocks of the emulator, handed in so that tests can turn them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """``wall`` gives seconds since 1970 (UTC); ``monotonic`` seconds that only ever rise."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def iso_seconds(wall: float) -> str:
    """Return ``yyyy-MM-ddTHH:mm:ssZ``, the form of times in answers (``vod-api.md`` 2.1)."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_microseconds(wall: float) -> str:
    """Return an ISO 8601 time with microseconds, for meter and job list."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
