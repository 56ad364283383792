"""The meter of calls: what arrived, how fast, and what was answered."""

from collections import Counter, deque
from typing import Any

from batch.emulator.clock import Clock, iso_microseconds
from batch.emulator.quota import WINDOW

SUBMIT = "SubmitAIJob"
UNKNOWN = "(unknown)"
"""Where calls of actions that do not exist are counted, so that their names take no memory."""

Moment = tuple[float, float]
"""One instant on both clocks: monotonic seconds, and seconds since 1970."""


class Pace:
    """Arrivals of one action: their number, first and last, and the busiest sliding second."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.busiest = 0
        self.first: Moment | None = None
        self.last: Moment | None = None
        self._recent: deque[float] = deque()

    def count(self, now: float, wall: float) -> None:
        """Count an arrival at ``now`` (monotonic); the window is ``(now - 1.0, now]``, exact."""
        recent = self._recent
        recent.append(now)
        while now - recent[0] >= WINDOW:
            recent.popleft()
        self.busiest = max(self.busiest, len(recent))
        self.arrivals += 1
        self.last = (now, wall)
        self.first = self.first or self.last

    def rate(self) -> float | None:
        """Return arrivals per second between the first and the last one."""
        if self.first is None or self.last is None or self.last[0] == self.first[0]:
            return None
        return (self.arrivals - 1) / (self.last[0] - self.first[0])


class Meter:
    """Counters since the start or the last reset. ``actions`` are those counted by name."""

    def __init__(self, clock: Clock, actions: frozenset[str]) -> None:
        self._clock = clock
        self._actions = actions
        self.requests: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused_signatures = 0
        self._paces: dict[str, Pace] = {}

    def anew(self) -> "Meter":
        """Return one that counts from nothing."""
        return Meter(self._clock, self._actions)

    def count_arrival(self, action: str, now: float, *, signature_is_valid: bool) -> None:
        """Count a request; only one with a valid signature counts for the pace."""
        known = action if action in self._actions else UNKNOWN
        self.requests[known] += 1
        if not signature_is_valid or known is UNKNOWN:
            return
        pace = self._paces.get(known)
        if pace is None:
            pace = self._paces[known] = Pace()
        pace.count(now, self._clock.wall())

    def describe(self) -> dict[str, Any]:
        """Return the meter's part about calls."""
        submits = self._paces.get(SUBMIT, Pace())
        throttled = [n for code, n in self.answers.items() if code.lower().startswith("throttling")]
        return {
            "requests": dict(self.requests),
            "answers": dict(self.answers),
            "throttled": sum(throttled),
            "refused_signatures": self.refused_signatures,
            "faults": dict(self.faults),
            "busiest_second": submits.busiest,
            "busiest_second_per_action": {
                action: pace.busiest for action, pace in self._paces.items()
            },
            "first_submit_at": _describe(submits.first),
            "last_submit_at": _describe(submits.last),
            "submit_rate": submits.rate(),
        }


def _describe(moment: Moment | None) -> dict[str, Any] | None:
    return moment and {"monotonic": moment[0], "wall": iso_microseconds(moment[1])}
