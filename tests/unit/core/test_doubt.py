"""What a look-up proves: every branch of the decision, and the edges of the send window."""

from dataclasses import replace
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
from batch.core.learnt import TypeLearnt
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
    trigger: str | None = "Manual",
) -> Candidate:
    made_at = None if after is None else SENT + after
    return Candidate(job_id, job_type, made_at, trigger)


def _decide(
    *candidates: Candidate,
    now: datetime = LATER,
    skew: timedelta = timedelta(0),
    lookup: Lookup = Lookup.SHOWS,
    may_be_cut: bool = False,
    doubt: Doubt = DOUBT,
) -> Decision:
    return decide(
        doubt, candidates, now=now, skew=skew, settle=SETTLE, lookup=lookup, may_be_cut=may_be_cut
    )


NOT_OURS = {
    "automatic": _job(trigger="Auto"),
    "another type": _job(job_type="AIVideoTag"),
    "older than the gateway takes": _job(after=-DATE_WINDOW - 2 * SECOND),
    "much older": _job(after=-timedelta(days=30)),
    "made when the gateway refuses the request": _job(after=DATE_WINDOW + 2 * SECOND),
    "automatic without a time": _job(after=None, trigger="Auto"),
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


UNKNOWN_TYPES = [None, "AIVideoFPShot", "AIVideoMCU", "ai", "", "AIMediaDNA,AIVideoTag"]


@pytest.mark.parametrize("word", UNKNOWN_TYPES)
@pytest.mark.parametrize("trigger", ["Manual", "API", "auto", "AUTO", None])
def test_a_job_of_an_unknown_type_in_the_window_is_for_a_person(
    word: str | None, trigger: str | None
) -> None:
    """No word, a word of another vocabulary, or a list of them is neither ours nor another's."""
    decision = _decide(_job("j", job_type=word, trigger=trigger))
    assert isinstance(decision, Ask)
    assert "j" in decision.why
    several = _decide(_job("j", job_type=word), _job("ours"))
    assert isinstance(several, Ask)


def test_a_type_that_is_not_shown_yet_may_be_shown_later() -> None:
    """ListAIJob may know a job later than ListJobInfo; an odd word will not change."""
    assert isinstance(_decide(_job(job_type=None), now=SENT + SECOND), Wait)
    assert isinstance(_decide(_job(job_type="ai"), now=SENT + SECOND), Ask)


@pytest.mark.parametrize("trigger", ["API", "auto", None])
@pytest.mark.parametrize("word", ["AIMediaDNA", "aimediadna"])
def test_any_trigger_but_auto_may_be_ours(trigger: str | None, word: str) -> None:
    """ListAIJob names the type; only the exact word Auto says that nobody asked for it."""
    assert _decide(_job("ours", job_type=word, trigger=trigger)) == Adopt("ours")


def test_what_our_own_jobs_have_shown_excludes_nothing() -> None:
    """Where our known jobs are called Auto, or by another word, that word says nothing."""
    own = TypeLearnt(frozenset({"AIMediaAudit"}), triggers=frozenset({"Auto"}))
    doubt = replace(DOUBT, own=own)
    for job in (_job(trigger="Auto", job_type="ai"), _job(job_type="AIMediaAudit")):
        assert isinstance(_decide(job), Absent)
        assert isinstance(_decide(job, doubt=doubt), Ask)


def test_a_job_that_fits_another_request_as_well_is_for_a_person() -> None:
    """Another campaign's, or an earlier one of the same row: whose it is nobody can tell."""
    rival = replace(DOUBT, rivals=(SENT - timedelta(minutes=5),))
    assert isinstance(_decide(_job(), doubt=rival), Ask)
    older = replace(DOUBT, rivals=(SENT - timedelta(minutes=20),))
    assert _decide(_job(), doubt=older) == Adopt("j")


@pytest.mark.parametrize("hours", [-14, -8, -1, 1, 5, 8, 14])
@pytest.mark.parametrize("minutes", [-15, 0, 15])
@pytest.mark.parametrize("word", ["AIMediaDNA", "ai", None])
def test_a_time_of_another_zone_is_no_absence(hours: int, minutes: int, word: str | None) -> None:
    """A clock that is whole hours off may have dated our job."""
    job = _job(after=timedelta(hours=hours, minutes=minutes), job_type=word)
    assert isinstance(_decide(job), Ask)
    assert isinstance(_decide(job, now=SENT + SECOND), Wait)


@pytest.mark.parametrize(
    "after", [timedelta(minutes=30), timedelta(hours=15), -timedelta(hours=16)]
)
def test_no_clock_dates_our_job_so(after: timedelta) -> None:
    """Half an hour off, or farther than any zone lies: the job is another's."""
    assert _decide(_job(after=after)) == Absent()


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
        (SENT + timedelta(days=365), Lookup.SHOWS_ODDLY, Ask),
        (SENT + timedelta(days=365), Lookup.NOTHING_KNOWN, Ask),
        (SENT + timedelta(days=365), Lookup.UNLEARNT, Ask),
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
