"""How a run gives way to throttling and doubt: slower first, then by a cooldown.

A server that refuses one call in ten at random costs that tenth and little more; one that refuses
more than about one in six is sent less until it no longer does; one that refuses all is left alone
for longer and longer, and in the end for good.

A doubt says that cloud or line is ill, and may cost money: more than one in twenty slow the run
down. Ten in a row start a cooldown, so that a gateway that restarts puts about those in doubt, not
all that is sent while it does.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from batch.core.backoff import delay_seconds, with_jitter
from batch.core.outcome import Failure, InDoubt, NotSent, Outcome, Throttled

LONGEST_COOLDOWN_SECONDS = 3600.0
SLOWEST = 10.0
"""How many times slower than the quota a run goes at most; then it cools down."""

_SLOWER = 1.1
_FASTER = 0.98
"""Per throttled answer and per other one: they balance where one in six is throttled."""

_SLOWER_FOR_DOUBT = 1.5
"""Per doubt: with the above they balance where one in twenty is in doubt."""

_PATIENCE = 8
"""Throttled answers in a row that slowing down is given to help."""

_PATIENCE_WITH_DOUBT = 10
"""Doubts in a row that it is given, or doubts and throttled answers."""

_FEWEST_COOLDOWNS = 5
"""Cooldowns in a row before throttling may count as one without end."""


@dataclass
class Brake:
    """Decides how slowly to go, and how long to send nothing. Times are in seconds of ``clock``.

    ``endless_after`` is how long nothing but throttling and doubt may come before the run
    is to end.
    """

    endless_after: float
    clock: Callable[[], float]
    dice: random.Random
    slowness: float = 1.0
    """How many times longer than the quota's is the time between two sends."""
    cooldowns_in_a_row: int = 0
    ends_in_doubt: bool = False
    """Whether the last that came without an answer of substance was a doubt."""
    _throttled_in_a_row: int = 0
    _throttled_since: float | None = field(default=None)
    _cooldown_until: float = 0.0

    def see(self, outcome: Outcome) -> float | None:
        """Take note of one request's outcome; return the seconds to send nothing now, if any."""
        if isinstance(outcome, NotSent):
            return None if outcome.by_choice else self._cool_down()
        asked = outcome.retry_after_seconds if isinstance(outcome, Failure) else None
        is_doubt = isinstance(outcome, InDoubt) and not outcome.slows
        if is_doubt or (isinstance(outcome, Failure) and outcome.slows):
            says_no_more = isinstance(outcome, Throttled | InDoubt)
            self.ends_in_doubt = is_doubt
            return self._slow_down(asked, says_no_more=says_no_more)
        self._go_on()
        return None

    @property
    def is_endless(self) -> bool:
        """Whether nothing but throttling and doubt has come for too long."""
        if self._throttled_since is None or self.cooldowns_in_a_row < _FEWEST_COOLDOWNS:
            return False
        return self.clock() - self._throttled_since >= self.endless_after

    def _slow_down(self, asked: float | None, *, says_no_more: bool) -> float | None:
        factor = _SLOWER_FOR_DOUBT if self.ends_in_doubt else _SLOWER
        patience = _PATIENCE_WITH_DOUBT if self.ends_in_doubt else _PATIENCE
        self.slowness = min(SLOWEST, self.slowness * factor)
        if says_no_more:
            self._throttled_in_a_row += 1
            if self._throttled_since is None:
                self._throttled_since = self.clock()
        else:
            # A refusal that asks for a slower pace is answered, and asks once.
            self._answered()
        if asked:
            return self._cool_down(asked)
        return self._cool_down() if self._throttled_in_a_row >= patience else None

    def _go_on(self) -> None:
        self.slowness = max(1.0, self.slowness * _FASTER)
        self._answered()
        self.cooldowns_in_a_row = 0

    def _answered(self) -> None:
        self._throttled_in_a_row = 0
        self._throttled_since = None

    def _cool_down(self, asked: float | None = None) -> float:
        """Return what the cloud asked for, else a backoff that grows with each cooldown in a row.

        Requests that were on the wire together meet the same trouble; they make one cooldown.
        """
        if self.clock() >= self._cooldown_until:
            self.cooldowns_in_a_row += 1
        if asked:
            seconds = min(asked, LONGEST_COOLDOWN_SECONDS)
        else:
            seconds = with_jitter(delay_seconds(max(1, self.cooldowns_in_a_row)), self.dice)
        self._cooldown_until = max(self._cooldown_until, self.clock() + seconds)
        return seconds
