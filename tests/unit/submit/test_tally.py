"""The circuit breakers of a run, by a clock that the test turns."""

import pytest

from batch.core.models import JobType
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    InDoubt,
    Job,
    NotSent,
    Outcome,
    Refused,
    StopCause,
    Throttled,
)
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.errors import ExitCode, most_urgent
from batch.submit.tally import MOST_UNPROVEN, DoubtGuard, RunSummary, StopReason, Tally

GOOD = Accepted("R", (Job(JobType.MEDIA_DNA, "j"),))
SLOW = Throttled("Throttling", "", "R", 400, None)
NO = Refused("C", "", "R", 400)
SILENCE = InDoubt("read time-out")
ODD = InDoubt("odd body", 500)
CLOSED = NotSent("connection refused")
HELD = NotSent("stopping", by_choice=True)
ARREARS = AccountStopped("A", "", "R", 403, StopCause.ARREARS)


class Bench:
    """A tally with a clock."""

    def __init__(self, *, doubt_limit: int = 1000) -> None:
        self.now = 0.0
        self.tally = Tally(60.0, DoubtGuard(doubt_limit, 10, 1000), lambda: self.now)

    def see(self, *outcomes: Outcome, after: float = 0.0) -> StopReason | None:
        """Count outcomes, the first one ``after`` seconds; return what they say."""
        self.now += after
        for outcome in outcomes:
            self.tally.count_outcome(outcome)
        return self.tally.stop_reason()


@pytest.mark.parametrize("silent", [CLOSED, SILENCE])
def test_silence_stops_the_run_after_its_time(silent: Outcome) -> None:
    """No answer for unreachable_after, counted from the first miss: the cloud is not there."""
    bench = Bench()
    bench.tally.doubts.is_proven = True
    assert bench.see(silent, after=100) is None
    assert bench.see(silent, after=59.9) is None
    assert bench.see(silent, after=0.1) is StopReason.UNREACHABLE


@pytest.mark.parametrize("answer", [GOOD, SLOW, NO, ODD])
def test_any_answer_ends_the_silence(answer: Outcome) -> None:
    """Even an error page proves that something is there; the time begins anew."""
    bench = Bench()
    bench.see(CLOSED)
    bench.see(answer, after=59)
    bench.see(CLOSED, after=30)
    assert bench.see(CLOSED, after=59) is None
    assert bench.see(CLOSED, after=1) is StopReason.UNREACHABLE


def test_doubts_in_a_row_stop_the_run() -> None:
    """The limit is on doubts in a row; any other outcome breaks the row."""
    bench = Bench(doubt_limit=3)
    assert bench.see(ODD, ODD, GOOD, ODD, ODD) is None
    assert bench.see(ODD) is StopReason.DOUBTS


def test_a_share_in_doubt_stops_the_run() -> None:
    """Half of all answers are pages: a hundred of the last thousand are enough, in a row or not."""
    bench = Bench()
    for _ in range(100):
        assert bench.see(GOOD, ODD) is None
    assert bench.see(ODD) is StopReason.DOUBTS


def test_a_hiccup_in_a_long_night_stops_nothing() -> None:
    """Fifty in doubt after each thousand good ones: a gateway that restarts now and then."""
    bench = Bench()
    for _ in range(5):
        assert bench.see(*[GOOD] * 1000, *[ODD] * 50) is None


@pytest.mark.parametrize("no_api", [ODD, SILENCE, Refused("Who", "", None, 403, is_certain=False)])
def test_before_the_first_good_answer_few_doubts_are_enough(no_api: Outcome) -> None:
    """A port of something else, a firewall's page, a portal: nothing says that the API is there."""
    bench = Bench()
    bench.see(no_api)
    assert bench.see(*[ODD] * (MOST_UNPROVEN - 1 - (no_api in (ODD, SILENCE)))) is None
    assert bench.see(ODD) is StopReason.DOUBTS


@pytest.mark.parametrize("api", [GOOD, SLOW, NO])
def test_after_a_good_answer_the_limit_is_the_settings(api: Outcome) -> None:
    """The API itself has spoken."""
    bench = Bench(doubt_limit=20)
    assert bench.see(api, *[ODD] * 19) is None
    assert bench.see(ODD) is StopReason.DOUBTS


def test_few_are_under_way_until_the_cloud_has_shown_itself() -> None:
    """What is on the wire may come into doubt too: it counts against the limit."""
    guard = DoubtGuard(100, 10, 1000)
    assert guard.unproven == MOST_UNPROVEN
    guard.count(ODD)
    assert guard.unproven == MOST_UNPROVEN - 1
    guard.count(GOOD)
    assert guard.unproven is None


def test_an_account_that_is_refused_stops_at_once() -> None:
    """The first such answer is enough, and it is the reason, whatever else holds."""
    bench = Bench(doubt_limit=1)
    assert bench.see(ODD, ARREARS) is StopReason.ACCOUNT_STOPPED
    assert bench.tally.account is ARREARS


def test_what_we_chose_not_to_send_says_nothing() -> None:
    """It is no request, breaks no row and proves no silence."""
    bench = Bench(doubt_limit=3)
    assert bench.see(ODD, ODD, HELD) is None
    assert bench.tally.requests == 2
    assert bench.see(HELD, after=100) is None
    assert bench.see(ODD) is StopReason.DOUBTS


def test_the_last_trouble_is_remembered() -> None:
    """What to tell a person: the reason of the last failure without an answer."""
    bench = Bench()
    bench.see(CLOSED, SILENCE, GOOD)
    assert bench.tally.last_trouble == "read time-out"


def test_kept_counts_what_was_not_given_back() -> None:
    """The cap counts submissions that left pending for good."""
    bench = Bench()
    states = (State.SUBMITTED, State.PENDING, State.IN_DOUBT, State.REJECTED, State.DEAD)
    bench.tally.count_verdicts(tuple(Verdict(n, 1, "x", state) for n, state in enumerate(states)))
    assert bench.tally.kept == 4


def _summary(**given: object) -> RunSummary:
    plain: dict[str, object] = {
        "stopped_by": StopReason.NOTHING_DUE, "account": None, "last_trouble": "", "states": {},
        "outcomes": {}, "expired": 0, "worst_second": 0, "seconds": 1.0, "requests": 0,
        "left_pending": 0, "left_in_doubt": 0,
    }  # fmt: skip
    return RunSummary(**plain | given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, ExitCode.DONE),
        ({"left_pending": 1}, ExitCode.CARRIED_OVER),
        ({"states": {State.REJECTED: 1}, "left_pending": 1}, ExitCode.DONE_WITH_FAILURES),
        ({"states": {State.DEAD: 1}}, ExitCode.DONE_WITH_FAILURES),
        ({"states": {State.DEAD: 1}, "left_in_doubt": 1}, ExitCode.DONE_WITH_DOUBTS),
        ({"stopped_by": StopReason.UNREACHABLE, "left_in_doubt": 1}, ExitCode.UNAVAILABLE),
        ({"stopped_by": StopReason.DOUBTS}, ExitCode.UNAVAILABLE),
        ({"stopped_by": StopReason.FAILURES, "states": {State.REJECTED: 9}}, ExitCode.UNAVAILABLE),
        ({"stopped_by": StopReason.THROTTLED, "left_pending": 9}, ExitCode.UNAVAILABLE),
        ({"stopped_by": StopReason.SIGNAL}, ExitCode.DONE),
        ({"account": ARREARS, "left_pending": 9}, ExitCode.UNAVAILABLE),
    ],
)
def test_the_summary_ends_a_run_with_the_most_urgent_code(
    given: dict[str, object], code: ExitCode
) -> None:
    """What is left over and why decide the exit code."""
    assert most_urgent(*_summary(**given).exit_codes) is code
