"""What each outcome means for each submission of a request."""

import random
from datetime import UTC, datetime

import pytest

from batch.core.models import Claim, ClaimedSubmission, JobType
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
from batch.core.verdict import Verdict, judge

DNA, TAG = JobType.MEDIA_DNA, JobType.VIDEO_TAG
MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def _claim(*attempts: int) -> Claim:
    members = tuple(
        ClaimedSubmission(number, 10 + number, job_type, done)
        for number, (job_type, done) in enumerate(zip((DNA, TAG), attempts, strict=False))
    )
    return Claim("m", None, None, "n" * 32, MOMENT, members)


def _judge(outcome: Outcome, *attempts: int, most: int = 8) -> tuple[Verdict, ...]:
    claim = _claim(*(attempts or (1, 1)))
    verdicts = judge(claim, outcome, max_attempts=most, dice=random.Random(1))
    fences = [(member.id, member.lease) for member in claim.members]
    assert [(v.submission_id, v.lease) for v in verdicts] == fences
    return verdicts


def test_each_type_gets_its_own_job() -> None:
    """Both jobs in the answer: both submitted, each with its JobId and the RequestId."""
    verdicts = _judge(Accepted("R", (Job(TAG, "t"), Job(DNA, "d"))))
    assert [v.job_id for v in verdicts] == ["d", "t"]
    assert {(v.outcome, v.to_state, v.request_id, v.counts) for v in verdicts} == {
        ("accepted", State.SUBMITTED, "R", True)
    }


def test_a_type_that_the_answer_lacks_is_in_doubt() -> None:
    """Half an answer is a receipt for one and a doubt for the other."""
    dna, tag = _judge(Accepted("R", (Job(TAG, "t"),)))
    assert (dna.outcome, dna.to_state, dna.job_id) == ("in_doubt", State.IN_DOUBT, None)
    assert dna.message
    assert (tag.outcome, tag.to_state, tag.job_id) == ("accepted", State.SUBMITTED, "t")


def test_receipts_that_nobody_asked_for_stay_with_the_first() -> None:
    """Extra and unplaced JobIds are kept once, on the first submission."""
    jobs = (Job(DNA, "d"), Job(TAG, "t"))
    dna, tag = _judge(Accepted("R", jobs, extra=(Job(DNA, "d2"),), unplaced=("x",)))
    assert dna.further_job_ids == ("d2", "x")
    assert tag.further_job_ids == ()


@pytest.mark.parametrize(
    ("outcome", "word", "state", "counts"),
    [
        (Throttled("T", "slow", "R", 400, None), "throttled", State.PENDING, False),
        (Refused("C", "no", "R", 404), "refused", State.REJECTED, True),
        (InDoubt("silence"), "in_doubt", State.IN_DOUBT, True),
        (InDoubt("odd", 500, "C", "told", "R"), "in_doubt", State.IN_DOUBT, True),
        (
            AccountStopped("A", "arrears", "R", 403, StopCause.ARREARS),
            "account_stopped", State.PENDING, False,
        ),
        (NotSent("refused"), "not_sent", State.PENDING, True),
        (NotSent("stopping", by_choice=True), "not_sent", State.PENDING, False),
    ],
)  # fmt: skip
def test_every_failure_holds_for_every_type(
    outcome: Outcome, word: str, state: State, counts: bool
) -> None:
    """A request that failed failed for each of its submissions alike, without a JobId."""
    verdicts = _judge(outcome)
    assert {(v.outcome, v.to_state, v.counts, v.job_id) for v in verdicts} == {
        (word, state, counts, None)
    }


@pytest.mark.parametrize(
    "outcome",
    [
        Throttled("C", "told", "R", 400, None),
        Refused("C", "told", "R", 400),
        InDoubt("why", 400, "C", "told", "R"),
        AccountStopped("C", "told", "R", 400, StopCause.PERMISSION),
    ],
)
def test_what_the_cloud_said_is_kept(outcome: Outcome) -> None:
    """Status, code, message and RequestId go onto each submission's evidence."""
    for verdict in _judge(outcome):
        told = (verdict.http_status, verdict.code, verdict.message, verdict.request_id)
        assert told == (400, "C", "told", "R")


def test_a_doubt_without_an_answer_keeps_its_reason() -> None:
    """Where the cloud said nothing, why we do not know is the message."""
    assert {v.message for v in _judge(InDoubt("read time-out"))} == {"read time-out"}


def test_attempts_used_up_make_a_row_dead_each_for_itself() -> None:
    """Of two types in one request only the one with its attempts used up is dead."""
    verdicts = _judge(NotSent("refused"), 3, 2, most=3)
    assert [v.to_state for v in verdicts] == [State.DEAD, State.PENDING]


def test_what_we_chose_not_to_send_never_kills_a_row() -> None:
    """A send that we chose not to make is no attempt, however many there were."""
    (verdict,) = _judge(NotSent("stopping", by_choice=True), 99, most=3)
    assert (verdict.to_state, verdict.due_in_seconds) == (State.PENDING, 0.0)


@pytest.mark.parametrize(("attempts", "longest"), [(1, 1), (2, 2), (4, 8), (20, 60)])
def test_backoff_grows_with_the_attempts(attempts: int, longest: float) -> None:
    """A row that never left waits longer each time, jittered, at most a minute."""
    for verdict in _judge(NotSent("refused"), attempts, most=1000):
        assert longest / 2 <= verdict.due_in_seconds <= longest


@pytest.mark.parametrize(
    "outcome",
    [Throttled("T", "", None, 400, 9.0), AccountStopped("A", "", None, 403, StopCause.CLOCK)],
)
def test_a_row_that_is_not_at_fault_is_due_at_once(outcome: Outcome) -> None:
    """The account pauses, not the row."""
    assert {v.due_in_seconds for v in _judge(outcome)} == {0.0}


def test_job_ids_of_an_answer_in_doubt_are_receipts() -> None:
    """They stay with the first, and move nothing."""
    dna, tag = _judge(InDoubt("cut", 200, job_ids=("j1", "j2")))
    assert (dna.to_state, dna.job_id, dna.further_job_ids) == (
        State.IN_DOUBT,
        None,
        ("j1", "j2"),
    )
    assert tag.further_job_ids == ()
