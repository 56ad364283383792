"""The meter of calls: what arrived, how fast, and what was answered."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from batch.emulator.clock import Clock, iso_microseconds
from batch.emulator.quota import WINDOW

SUBMIT = "SubmitAIJob"
UNKNOWN = "(unknown)"
"""Where calls of actions that do not exist are counted, so that their names take no memory."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks, in seconds."""

    monotonic: float
    wall: float

    def describe(self) -> dict[str, Any]:
        """Return the plain form for the meter page."""
        return {"monotonic": self.monotonic, "wall": iso_microseconds(self.wall)}


class Pace:
    """Arrivals of one action: their number, first and last, and the busiest sliding second."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.busiest = 0
        self.first: Moment | None = None
        self.last = 0.0
        self._last_offset = 0.0
        self._first_offset = 0.0
        self._recent: deque[float] = deque()

    def count(self, now: float, clock: Clock) -> None:
        """Count an arrival at ``now`` (monotonic); the window is ``(now - 1.0, now]``, exact."""
        recent = self._recent
        recent.append(now)
        while now - recent[0] >= WINDOW:
            recent.popleft()
        self.busiest = max(self.busiest, len(recent))
        self.arrivals += 1
        self.last = now
        self._last_offset = clock.offset
        if self.first is None:
            self.first = Moment(now, clock.wall())
            self._first_offset = clock.offset

    def last_moment(self) -> Moment | None:
        """Return the last arrival; its wall time is the first one's plus monotonic distance.

        To that comes what the cloud's clock was moved by in between.
        """
        if self.first is None:
            return None
        moved = self._last_offset - self._first_offset
        return Moment(self.last, self.first.wall + self.last - self.first.monotonic + moved)

    def rate(self) -> float | None:
        """Return arrivals per second between the first and the last one."""
        if self.first is None or self.last == self.first.monotonic:
            return None
        return (self.arrivals - 1) / (self.last - self.first.monotonic)


class Meter:
    """Counters since the start or the last reset."""

    def __init__(self, clock: Clock, actions: frozenset[str]) -> None:
        self._clock = clock
        self._actions = actions
        self.clear()

    def clear(self) -> None:
        """Set everything to zero."""
        self.requests: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused_signatures = 0
        self._paces: dict[str, Pace] = {}

    def count_arrival(self, action: str, now: float, *, signature_is_valid: bool) -> None:
        """Count a request; only one with a valid signature counts for the pace."""
        known = action if action in self._actions else UNKNOWN
        self.requests[known] += 1
        if not signature_is_valid or known is UNKNOWN:
            return
        pace = self._paces.get(known)
        if pace is None:
            pace = self._paces[known] = Pace()
        pace.count(now, self._clock)

    def describe(self) -> dict[str, Any]:
        """Return the meter's part about calls."""
        submits = self._paces.get(SUBMIT, Pace())
        last = submits.last_moment()
        return {
            "requests": dict(self.requests),
            "answers": dict(self.answers),
            "throttled": sum(
                number
                for code, number in self.answers.items()
                if code.lower().startswith("throttling")
            ),
            "refused_signatures": self.refused_signatures,
            "faults": dict(self.faults),
            "busiest_second": submits.busiest,
            "busiest_second_per_action": {
                action: pace.busiest for action, pace in self._paces.items()
            },
            "first_submit_at": submits.first and submits.first.describe(),
            "last_submit_at": last and last.describe(),
            "submit_rate": submits.rate(),
        }
