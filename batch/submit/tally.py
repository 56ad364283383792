"""What a run has done so far, and when its outcomes say that it should stop."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from batch.core.budget import BudgetUse
from batch.core.existing import ExistingSummary
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Throttled,
)
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.errors import ExitCode


class StopReason(StrEnum):
    """Why a run stopped taking work."""

    NOTHING_DUE = "nothing is due"
    MAX_SUBMISSIONS = "the cap of --max-submissions is reached"
    SIGNAL = "asked to stop"
    DEADLINE = "its time is up"
    BUDGET = "the budget is reached"
    ACCOUNT_STOPPED = "the cloud refuses the account"
    UNREACHABLE = "the cloud gives no answer"
    FAILURES = "too many of the last submissions were rejected"
    THROTTLED = "the cloud throttles every request"
    DOUBTS = "too many requests without a trustworthy answer"


class FailureGuard:
    """Trips when more than ``percent`` of the last ``window`` submissions were refused.

    Fewer than ``window`` prove nothing.
    """

    def __init__(self, percent: float, window: int) -> None:
        self._percent = percent
        self._last: deque[bool] = deque(maxlen=window)

    def count(self, verdict: Verdict) -> None:
        """Take note of a submission that was answered, by a job or by a refusal."""
        if verdict.outcome in ("accepted", "refused"):
            self._last.append(verdict.outcome == "refused")

    @property
    def is_tripped(self) -> bool:
        """Whether the run must stop."""
        is_full = len(self._last) == self._last.maxlen
        return is_full and 100 * sum(self._last) > self._percent * len(self._last)


MOST_UNPROVEN = 10
"""Doubts before the first good answer of a run. Until then nothing says that the API is there: it
may be a TLS port that is spoken to in plain, a firewall's page, a portal that wants a sign-in."""


@dataclass
class DoubtGuard:
    """Trips after too many doubts: ``limit`` in a row, more than ``percent`` of ``window``
    requests, or :data:`MOST_UNPROVEN` before the first good answer.
    """

    limit: int
    percent: float = 100.0
    window: int = 1
    is_proven: bool = False
    """Whether the API itself has answered."""
    _in_all: int = 0
    _in_a_row: int = 0
    _last: deque[bool] = field(default_factory=deque)

    def count(self, outcome: Outcome) -> None:
        """Count the outcome of a request that left."""
        is_doubt = isinstance(outcome, InDoubt)
        self._in_all += is_doubt
        self._in_a_row = self._in_a_row + 1 if is_doubt else 0
        self._last.append(is_doubt)
        if len(self._last) > self.window:
            self._last.popleft()
        self.is_proven = self.is_proven or _is_the_apis_own(outcome)

    @property
    def unproven(self) -> int | None:
        """How many requests may be under way or in doubt, before the first good answer."""
        if self.is_proven:
            return None
        return max(0, min(MOST_UNPROVEN, self.limit) - self._in_all)

    @property
    def is_tripped(self) -> bool:
        """Whether the run must stop."""
        if self._in_a_row >= self.limit or self.unproven == 0:
            return True
        return 100 * sum(self._last) > self.percent * self.window


def _is_the_apis_own(outcome: Outcome) -> bool:
    """Whether nobody but the API says so; a code that nobody knows may be anybody's."""
    if isinstance(outcome, Refused):
        return outcome.is_certain
    return isinstance(outcome, Accepted | Throttled | AccountStopped)


@dataclass
class Tally:
    """Counts of one run, and its circuit breakers. Times are in seconds of ``clock``."""

    unreachable_after: float
    doubts: DoubtGuard
    clock: Callable[[], float]
    guard: FailureGuard = field(default_factory=lambda: FailureGuard(percent=100, window=1))
    outcomes: Counter[str] = field(default_factory=Counter)
    states: Counter[State] = field(default_factory=Counter)
    requests: int = 0
    account: AccountStopped | None = None
    last_trouble: str = ""
    _silent_since: float | None = None

    def count_outcome(self, outcome: Outcome) -> None:
        """Count one request's outcome; one that we chose not to send says nothing."""
        if isinstance(outcome, NotSent) and outcome.by_choice:
            return
        self.requests += 1
        if isinstance(outcome, AccountStopped) and outcome.stops_at_once:
            self.account = outcome
        if isinstance(outcome, NotSent | InDoubt):
            self.last_trouble = outcome.reason
        if isinstance(outcome, Throttled):
            self.last_trouble = f"{outcome.code} {outcome.message}".strip()
        self.doubts.count(outcome)
        if _proves_the_cloud_is_there(outcome):
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = self.clock()

    def count_verdicts(self, verdicts: tuple[Verdict, ...]) -> None:
        """Take note of what became of each submission of a request."""
        for verdict in verdicts:
            self.outcomes[verdict.outcome] += 1
            self.states[verdict.to_state] += 1
            self.guard.count(verdict)

    @property
    def kept(self) -> int:
        """Submissions that were not given back: sent, or settled without a send."""
        return _kept(self.states)

    def stop_reason(self) -> StopReason | None:
        """Return why the outcomes so far say to stop, if they do."""
        if self.account:
            return StopReason.ACCOUNT_STOPPED
        if self.guard.is_tripped:
            return StopReason.FAILURES
        if self.doubts.is_tripped:
            return StopReason.DOUBTS
        silence = self.clock() - self._silent_since if self._silent_since is not None else 0.0
        return StopReason.UNREACHABLE if silence >= self.unreachable_after else None


def _kept(states: Mapping[State, int]) -> int:
    return sum(n for state, n in states.items() if state is not State.PENDING)


def _proves_the_cloud_is_there(outcome: Outcome) -> bool:
    if isinstance(outcome, InDoubt):
        return outcome.http_status is not None
    return not isinstance(outcome, NotSent)


_NOTHING_IS_SERVED = frozenset(
    {StopReason.UNREACHABLE, StopReason.DOUBTS, StopReason.FAILURES, StopReason.THROTTLED}
)
"""Why a run stops although there is work: what the cloud does makes more calls senseless."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of one run; durations in seconds, counts in submissions.

    ``budgets`` are those in force, in ``currency``; without any there is no budget. ``obstacle``
    says what a budget did not allow any more. ``failovers`` is how often another
    server of the database was taken up, ``restored`` what the database had forgotten, or never
    got, and was read in from the journal.
    """

    stopped_by: StopReason
    account: AccountStopped | None
    last_trouble: str
    states: dict[State, int]
    outcomes: dict[str, int]
    expired: int
    worst_second: int
    seconds: float
    requests: int
    left_pending: int
    left_in_doubt: int
    extra_charges: int = 0
    held: int = 0
    budgets: tuple[BudgetUse, ...] = ()
    currency: str = "CNY"
    obstacle: str | None = None
    existing: ExistingSummary | None = None
    failovers: int = 0
    restored: int = 0

    @property
    def kept(self) -> int:
        """Submissions that were not given back: sent, or settled without a send."""
        return _kept(self.states)

    @property
    def exit_codes(self) -> tuple[ExitCode, ...]:
        """Every exit code that holds; the most urgent one ends the command."""
        codes = []
        if self.account:
            codes.append(self.account.exit_code)
        if self.stopped_by in _NOTHING_IS_SERVED:
            codes.append(ExitCode.UNAVAILABLE)
        if self.left_in_doubt or self.extra_charges:
            codes.append(ExitCode.DONE_WITH_DOUBTS)
        if any(self.states.get(state) for state in (State.REJECTED, State.FAILED, State.DEAD)):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        if self.left_pending:
            codes.append(ExitCode.CARRIED_OVER)
        return tuple(codes)
