"""Does a code refuse one media after another, or the account as a whole?

Asked of a code that nobody knows, and of one that speaks of the account and may mean one media (a
permission). A few refusals by one such code in a row, and the rows that are sent next are taken
from all over the lists. When these are refused by it too, every further row would be: the account
is refused. One job accepted in between proves the opposite. Codes documented for one media say
nothing here.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from batch.core.models import Claim, JobType
from batch.core.outcome import Accepted, AccountStopped, Outcome, Refused, StopCause

PROBES = 10
"""Requests that one code must refuse in a row."""

SPREAD_PROBES = 7
"""So many of them from all over the lists."""

_FIRST_SUSPECT_AT = PROBES - SPREAD_PROBES
_LATEST_SUSPECT_AT = 96
_MOST_CODES = 50
_FEWEST = 2
"""One row alone does not show whether account or media is refused."""

_Refusal = Refused | AccountStopped


@dataclass
class _Streak:
    """Refusals by one code: in a row, of which so many by probes; and in all."""

    last: _Refusal
    in_a_row: int = 0
    spread: int = 0
    ever: int = 0

    @property
    def missing(self) -> int:
        """How many more refusals by probes would be enough."""
        return max(0, PROBES - self.in_a_row, SPREAD_PROBES - self.spread)


def _may_be_either(outcome: Outcome) -> TypeGuard[_Refusal]:
    """Return whether it may be the row that is refused, or the account."""
    if isinstance(outcome, AccountStopped):
        return outcome.may_be_one_rows
    return isinstance(outcome, Refused) and not outcome.is_certain


class Suspicion:
    """Watches what one run's requests come to."""

    def __init__(self) -> None:
        self._streaks: dict[str, _Streak] = {}
        self._suspect_at = _FIRST_SUSPECT_AT
        self._probing: set[str] = set()
        self._answered = 0
        self._served: set[JobType] = set()

    @property
    def is_probing(self) -> bool:
        """Whether the next rows are to be taken from all over the lists."""
        return any(one.in_a_row >= self._suspect_at for one in self._streaks.values())

    @property
    def probes_wanted(self) -> int:
        """How many probes are still to be begun, those on the wire not among them."""
        missing = min((one.missing for one in self._streaks.values()), default=PROBES)
        return max(0, missing - len(self._probing))

    def begun(self, claims: Sequence[Claim]) -> None:
        """Take note of requests whose rows were taken as probes."""
        self._probing |= {claim.nonce for claim in claims}

    def see(self, claim: Claim, outcome: Outcome) -> None:
        """Take note of one request's outcome."""
        is_probe = claim.nonce in self._probing
        self._probing.discard(claim.nonce)
        if isinstance(outcome, Accepted):
            self._answered += 1
            self._served |= {job.type for job in outcome.jobs}
            self._clear()
        elif _may_be_either(outcome):
            self._answered += 1
            self._count(outcome, is_probe=is_probe)

    def serves(self, types: Collection[JobType]) -> bool:
        """Return whether this run was given a job of each of ``types``."""
        return self._served.issuperset(types)

    def verdict(self) -> AccountStopped | None:
        """Say that the account is refused, once enough probes were refused by one code."""
        return self._first(lambda one: one.missing == 0)

    def verdict_at_the_end(self) -> AccountStopped | None:
        """Say the same of a run that ended first: of its last ten requests, or of them all."""
        return self._first(
            lambda one: one.in_a_row >= PROBES or one.ever == self._answered >= _FEWEST
        )

    def _first(self, holds: Callable[[_Streak], bool]) -> AccountStopped | None:
        for one in self._streaks.values():
            if holds(one):
                refusal = one.last
                if isinstance(refusal, AccountStopped):
                    return refusal
                return AccountStopped(
                    refusal.code,
                    refusal.message,
                    refusal.request_id,
                    refusal.http_status,
                    StopCause.EVERY_PROBE,
                )
        return None

    def _count(self, refusal: _Refusal, *, is_probe: bool) -> None:
        key = refusal.code.lower()
        if key not in self._streaks and len(self._streaks) >= _MOST_CODES:
            return
        streak = self._streaks.setdefault(key, _Streak(refusal))
        streak.last = refusal
        streak.ever += 1
        streak.in_a_row += 1
        streak.spread += is_probe

    def _clear(self) -> None:
        if self.is_probing:
            # A list may hold many such media; each false alarm makes the next one less hasty.
            self._suspect_at = min(2 * self._suspect_at, _LATEST_SUSPECT_AT)
        for streak in self._streaks.values():
            streak.in_a_row = streak.spread = 0
