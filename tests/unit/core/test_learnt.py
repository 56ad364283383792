"""What was learnt: it only grows, and enough of it, or a probe, lets absence count."""

from datetime import UTC, datetime

from batch.core.learnt import ENOUGH_JOBS, Learnt, TypeLearnt
from batch.core.models import JobType

DNA, TAG = JobType.MEDIA_DNA, JobType.VIDEO_TAG
THEN = datetime(2026, 1, 2, tzinfo=UTC)


def _shown(*jobs: str, delay: float | None = None) -> Learnt:
    return Learnt({DNA: TypeLearnt(jobs=frozenset(jobs), delay_seconds=delay)})


def test_twenty_known_jobs_let_absence_count() -> None:
    """One job seen twice is one job, and says nothing of the other type."""
    learnt = Learnt()
    for number in range(ENOUGH_JOBS):
        assert not learnt.proves_absence(DNA)
        learnt = learnt | _shown(f"job-{number}") | _shown(f"job-{number}")
    assert learnt.proves_absence(DNA)
    assert not learnt.proves_absence(TAG)


def test_a_probe_lets_absence_count_for_its_type() -> None:
    """What it has seen of one type says nothing of another."""
    learnt = Learnt(probed=frozenset({DNA}), probed_at=THEN)
    assert learnt.proves_absence(DNA)
    assert not learnt.proves_absence(TAG)


def test_what_was_seen_is_never_unlearnt() -> None:
    """The longest delay stays, words gather, the newest order and probe count."""
    first = Learnt(
        {DNA: TypeLearnt(frozenset({"a"}), triggers=frozenset({"API"}), delay_seconds=90.0)},
        newest_first=True, probed_at=THEN,
    )  # fmt: skip
    second = Learnt({DNA: TypeLearnt(frozenset({"b"}), delay_seconds=5.0)})
    both = first | second
    assert both.of(DNA) == TypeLearnt(
        frozenset({"a", "b"}), triggers=frozenset({"API"}), delay_seconds=90.0
    )
    assert (both.newest_first, both.probed_at) == (True, THEN)
    assert both | Learnt() == both
