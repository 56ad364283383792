"""When an unknown code is the account's, and when one media's after another."""

import itertools
from datetime import UTC, datetime

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.core.outcome import Accepted, InDoubt, Job, Outcome, Refused, StopCause, Throttled
from batch.submit.suspicion import Suspicion

NEW = Refused("Brand.New", "m", "R", 400, is_certain=False)
ODD = Refused("Odd.Other", "m", "R", 400, is_certain=False)
GONE = Refused("InvalidVideo.NotFound", "m", "R", 404)
GOOD = Accepted("R", (Job(JobType.MEDIA_DNA, "j"),))
SLOW = Throttled("Throttling", "", "R", 400, None)
_numbers = itertools.count(1)


def _claim() -> Claim:
    number = next(_numbers)
    members = (ClaimedSubmission(number, 1, JobType.MEDIA_DNA, 0),)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Claim(f"m{number}", None, None, f"{number:032x}", moment, members)


class Run:
    """One run's requests, each a probe when probes are wanted."""

    def __init__(self) -> None:
        self.suspicion = Suspicion()
        self.sent = 0
        self.probes = 0

    def send(self, *outcomes: Outcome) -> bool:
        """Send as many; say whether the account is taken for refused."""
        for outcome in outcomes:
            claim = _claim()
            if self.suspicion.is_probing:
                assert self.suspicion.probes_wanted
                self.suspicion.begun([claim])
                self.probes += 1
            self.suspicion.see(claim, outcome)
            self.sent += 1
        return self.suspicion.verdict() is not None


def test_ten_probes_from_all_over_are_the_account() -> None:
    """Three at the head, seven from elsewhere, all refused by one code: no further row is sent."""
    run = Run()
    assert not run.send(*[NEW] * 9)
    assert run.send(NEW)
    assert (run.sent, run.probes) == (10, 7)
    account = run.suspicion.verdict()
    assert account is not None
    assert (account.code, account.cause) == ("Brand.New", StopCause.EVERY_PROBE)


def test_a_burst_at_the_head_of_a_list_alone_proves_nothing() -> None:
    """However many were on the wire at once: the probes from elsewhere decide."""
    suspicion = Suspicion()
    for _ in range(64):
        suspicion.see(_claim(), NEW)
    assert suspicion.is_probing
    assert suspicion.probes_wanted == 7
    assert suspicion.verdict() is None


def test_one_accepted_probe_clears_the_account() -> None:
    """The code is about its media; the next alarm takes longer to be raised."""
    run = Run()
    assert not run.send(*[NEW] * 9, GOOD, *[NEW] * 5)
    assert not run.suspicion.is_probing
    assert not run.send(NEW)
    assert run.suspicion.is_probing


def test_media_that_are_gone_never_count() -> None:
    """Ten deleted videos at the top of a list stop nothing, nor do a thousand."""
    run = Run()
    assert not run.send(*[GONE] * 1000)
    assert not run.suspicion.is_probing
    assert run.suspicion.verdict_at_the_end() is None


def test_what_says_nothing_about_the_code_breaks_no_row() -> None:
    """Throttled, in doubt, another media that is gone, another unknown code: all beside it."""
    run = Run()
    assert not run.send(NEW, SLOW, NEW, GONE, NEW, InDoubt("x"), NEW, ODD, *[NEW] * 3, SLOW, NEW)
    assert run.send(NEW, NEW)


def test_several_codes_at_once_never_leave_the_run_without_a_probe_to_send() -> None:
    """A server that says something else each time is asked on."""
    run = Run()
    assert not run.send(*[NEW, ODD] * 8)
    assert run.send(NEW, ODD, NEW)


def test_all_rows_of_a_short_run_are_the_account() -> None:
    """Two or more, and nothing else was answered; one alone tells nothing."""
    run = Run()
    run.send(NEW)
    assert run.suspicion.verdict_at_the_end() is None
    run.send(GONE, NEW)
    assert run.suspicion.verdict_at_the_end() is not None
    run.send(GOOD)
    assert run.suspicion.verdict_at_the_end() is None


def test_the_last_ten_of_a_run_are_the_account() -> None:
    """The balance ran out near the end of the list."""
    run = Run()
    run.send(*[GOOD] * 100, *[NEW] * 3)
    for _ in range(7):
        claim = _claim()
        run.suspicion.see(claim, NEW)
    assert run.suspicion.verdict() is None
    assert run.suspicion.verdict_at_the_end() is not None
