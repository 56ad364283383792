"""What a look-up proves: every branch of the decision, and the edges of the send window."""

from datetime import UTC, datetime, timedelta

import pytest

from batch.core.doubt import (
    DATE_WINDOW,
    Absent,
    Adopt,
    Ask,
    Candidate,
    Decision,
    Doubt,
    Lookup,
    Wait,
    decide,
    in_send_window,
)
from batch.core.models import JobType
from batch.settings import SHORTEST_SETTLE

SENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SETTLE = timedelta(hours=1)
LATER = SENT + 2 * SETTLE
DOUBT = Doubt(JobType.MEDIA_DNA, SENT)


def _job(
    job_id: str = "j",
    *,
    after: timedelta | None = SECOND,
    job_type: str | None = "AIMediaDNA",
    is_manual: bool = True,
) -> Candidate:
    made_at = None if after is None else SENT + after
    return Candidate(job_id, job_type, made_at, is_manual)


def _decide(
    *candidates: Candidate,
    now: datetime = LATER,
    skew: timedelta = timedelta(0),
    lookup: Lookup = Lookup.SHOWS,
    may_be_cut: bool = False,
) -> Decision:
    return decide(
        DOUBT, candidates, now=now, skew=skew, settle=SETTLE, lookup=lookup, may_be_cut=may_be_cut
    )


NOT_OURS = {
    "automatic": _job(is_manual=False),
    "another type": _job(job_type="AIVideoTag"),
    "no known type": _job(job_type=None),
    "older than the gateway takes": _job(after=-DATE_WINDOW - 2 * SECOND),
    "much older": _job(after=-timedelta(days=30)),
    "made when the gateway refuses the request": _job(after=DATE_WINDOW + 2 * SECOND),
    "automatic without a time": _job(after=None, is_manual=False),
    "another type without a time": _job(after=None, job_type="AIVideoTag"),
}


def test_the_one_job_that_fits_is_adopted() -> None:
    """A manual job of the type, made in the send window, is ours: at once, whatever the rest."""
    assert _decide(_job("ours"), *NOT_OURS.values()) == Adopt("ours")
    assert _decide(_job("ours"), now=SENT + SECOND, lookup=Lookup.HIDES) == Adopt("ours")


@pytest.mark.parametrize("other", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_what_cannot_be_ours_is_never_adopted(other: Candidate) -> None:
    """Such a job settles nothing by itself, and does not stand in the way of ours."""
    assert _decide(other) == Absent()
    assert isinstance(_decide(other, now=SENT + SECOND), Wait)
    assert _decide(other, _job("ours")) == Adopt("ours")


@pytest.mark.parametrize("now", [SENT + SECOND, LATER])
def test_two_jobs_that_fit_are_for_a_person(now: datetime) -> None:
    """Which of them is ours, no look-up tells: the question names both."""
    decision = _decide(_job("b"), _job("a", after=timedelta(minutes=5)), now=now)
    assert isinstance(decision, Ask)
    assert decision.why.endswith("a, b")


@pytest.mark.parametrize("now", [SENT + SECOND, LATER])
def test_a_job_without_a_time_is_for_a_person(now: datetime) -> None:
    """It may be ours or years old; even beside a job that fits it is not passed over."""
    for others in ((), (_job("fits"),)):
        decision = _decide(_job("timeless", after=None), *others, now=now)
        assert isinstance(decision, Ask)
        assert "timeless" in decision.why


@pytest.mark.parametrize(
    ("now", "lookup", "kind"),
    [
        (SENT, Lookup.SHOWS, Wait),
        (SENT + SETTLE - SECOND, Lookup.SHOWS, Wait),
        (SENT + SETTLE, Lookup.SHOWS, Absent),
        (SENT + SETTLE, Lookup.HIDES, Wait),
        (SENT + timedelta(days=365), Lookup.HIDES, Wait),
        (SENT + timedelta(days=365), Lookup.SHOWS_OLDER, Ask),
        (SENT + timedelta(days=365), Lookup.NOTHING_KNOWN, Ask),
    ],
)
def test_no_trace_proves_absence_only_after_the_settling_time(
    now: datetime, lookup: Lookup, kind: type[Decision]
) -> None:
    """An empty list proves nothing early, and nothing ever while the look-up shows no known job."""
    assert isinstance(_decide(now=now, lookup=lookup), kind)


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(minutes=3), -timedelta(minutes=3)])
def test_the_send_window_moves_with_the_clouds_clock(skew: timedelta) -> None:
    """From the request's own second to the date window's end, by the cloud's clock."""
    first, last = SENT + skew - SECOND, SENT + skew + DATE_WINDOW + SECOND
    for inside in (first, SENT + skew, last):
        assert in_send_window(inside, SENT, skew)
        assert _decide(_job(after=inside - SENT), skew=skew) == Adopt("j")
    for outside in (first - SECOND, last + SECOND):
        assert not in_send_window(outside, SENT, skew)
        assert not isinstance(_decide(_job(after=outside - SENT), skew=skew), Adopt)


def test_the_window_ends_before_absence_can_be_claimed() -> None:
    """The shortest settling time that is accepted outlasts the gateway's date window."""
    assert SHORTEST_SETTLE > DATE_WINDOW


def test_a_list_that_may_be_cut_proves_no_absence() -> None:
    """What is on it counts all the same."""
    assert isinstance(_decide(may_be_cut=True), Ask)
    assert _decide(_job("ours"), may_be_cut=True) == Adopt("ours")


def test_where_the_answer_named_a_job_absence_is_never_proven() -> None:
    """Whose job it is the answer did not say; one that fits by the look-up is still adopted."""
    doubt = Doubt(JobType.MEDIA_DNA, SENT, ("odd",))

    def settled(*candidates: Candidate, now: datetime = LATER) -> Decision:
        return decide(
            doubt, candidates, now=now, skew=timedelta(0), settle=SETTLE, lookup=Lookup.SHOWS
        )

    assert isinstance(settled(now=SENT + SECOND), Wait)
    asked = settled()
    assert isinstance(asked, Ask)
    assert "odd" in asked.why
    assert settled(_job("odd")) == Adopt("odd")


@pytest.mark.parametrize("seconds", [-2, -60, -899, 899])
@pytest.mark.parametrize("skew", [timedelta(0), timedelta(minutes=14), -timedelta(minutes=14)])
def test_a_job_that_fits_by_another_clock_is_no_absence(seconds: int, skew: timedelta) -> None:
    """The clock that signed may be another machine's, or have been set since: a person decides.

    The gateway takes a request whose date is up to fifteen minutes off, either way.
    """
    near = _job("near", after=timedelta(seconds=seconds))
    assert near.created_at
    if in_send_window(near.created_at, SENT, skew):
        assert _decide(near, skew=skew) == Adopt("near")
        return
    decision = _decide(near, skew=skew)
    assert isinstance(decision, Ask)
    assert "near" in decision.why
    assert isinstance(_decide(near, skew=skew, now=SENT + SECOND), Wait)
    assert _decide(near, _job("ours", after=skew + SECOND), skew=skew) == Adopt("ours")
