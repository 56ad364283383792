"""The clocks of the emulator: real ones handed in so that tests can turn them, and the played one.

The cloud's own time can be moved while running (a night in a second). What depends on it follows:
job ages, times in answers, the date window, the nonce memory, the ``Date`` header. The sliding
second of the quota and the meter's pace do not; they stay on the real monotonic clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache


@dataclass(slots=True)
class Clock:
    """``real_wall`` gives seconds since 1970 (UTC); ``monotonic`` seconds that only ever rise.

    ``offset`` is how far the cloud's time is ahead of the real one, in seconds.
    """

    real_wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    offset: float = 0.0

    def wall(self) -> float:
        """Return the cloud's time in seconds since 1970."""
        return self.real_wall() + self.offset

    def played(self) -> float:
        """Return the cloud's time in seconds that rise evenly but for moves; for measuring ages."""
        return self.monotonic() + self.offset


def iso_seconds(wall: float) -> str:
    """Return ``yyyy-MM-ddTHH:mm:ssZ``, the form of times in answers (``vod-api.md`` 2.1)."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_microseconds(wall: float) -> str:
    """Return an ISO 8601 time with microseconds, for meter and job list."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=16)
def http_date(second: int) -> str:
    """Return the form of the ``Date`` header."""
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)
