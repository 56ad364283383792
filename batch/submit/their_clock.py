"""The database's clock beside ours: bounds of what lies between them, from round trips.

A time in a database's answer was its own at some moment between our asking and its answer, so each
round trip bounds the difference from both sides, and the shortest ones bound it best. What several
say together is kept, not what the last one says: an answer that came late moves nothing.
"""

from dataclasses import dataclass

_DRIFT = 0.0005
"""How far two clocks may move apart, in seconds a second: what NTP corrects at most."""


@dataclass
class ClockOffset:
    """Their clock minus ours lies between ``low`` and ``high``; all times in seconds."""

    low: float = float("-inf")
    high: float = float("inf")
    _seen_at: float = 0.0

    @property
    def width(self) -> float:
        """How far the bounds lie apart; infinite before the first round trip."""
        return self.high - self.low

    def see(self, theirs: float, asked: float, answered: float) -> None:
        """Take note of a round trip that returned ``theirs``.

        Where it contradicts all before, a clock was set: what was known is forgotten.
        """
        low, high = theirs - answered, theirs - asked
        loose = _DRIFT * (answered - self._seen_at)
        self.low, self.high, self._seen_at = self.low - loose, self.high + loose, answered
        if low > self.high or high < self.low:
            self.low, self.high = low, high
        self.low, self.high = max(self.low, low), min(self.high, high)

    def ours(self, theirs: float) -> float:
        """Return what our clock shows when theirs shows ``theirs``."""
        return theirs - (self.low + self.high) / 2
