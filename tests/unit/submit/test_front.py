"""From where in the line a begin looks."""

from datetime import UTC, datetime

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.submit.front import Front


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        """Return its time, in seconds."""
        return self.now


def _claims(*places: tuple[int, int]) -> list[Claim]:
    return [
        Claim("m", None, None, "n", datetime.now(UTC),
              (ClaimedSubmission(number, 1, JobType.MEDIA_DNA, 1, priority=priority),))
        for priority, number in places
    ]  # fmt: skip


def _begin(front: Front, clock: Clock, took: float, *places: tuple[int, int]) -> None:
    started = clock.now
    clock.now += took
    front.found(_claims(*places), 2, started)


def test_a_quick_begin_always_looks_from_the_front() -> None:
    """As long as that is near, what came in last waits for nothing."""
    clock = Clock()
    front = Front(clock)
    _begin(front, clock, 0.01, (0, 7), (0, 8))
    assert front.place() is None


def test_a_slow_one_is_spared_the_way_for_a_while() -> None:
    """The next ones go on from what the last one found, and now and then from the front again."""
    clock = Clock()
    front = Front(clock)
    _begin(front, clock, 0.5, (0, 8), (3, 900))
    assert front.place() == (3, 900)
    _begin(front, clock, 0.01, (0, 10), (0, 9))
    assert front.place() == (0, 9)
    clock.now += 10
    assert front.place() is None


def test_where_too_little_is_found_the_next_begin_looks_from_the_front() -> None:
    """Something may have come in before."""
    clock = Clock()
    front = Front(clock)
    _begin(front, clock, 0.5, (0, 7), (0, 8))
    _begin(front, clock, 0.01, (0, 9))
    assert front.place() is None


def test_a_begin_of_nothing_teaches_nothing() -> None:
    """At its cap a run asks for no request more."""
    clock = Clock()
    front = Front(clock)
    front.found([], 0, clock.now)
    assert front.place() is None
