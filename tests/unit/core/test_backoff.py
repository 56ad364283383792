"""The exact curve, and the bounds of the jitter."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.backoff import delay_seconds, with_jitter


def test_the_curve_doubles_up_to_the_cap() -> None:
    assert [delay_seconds(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_base_and_cap_are_seconds_of_the_caller() -> None:
    assert [delay_seconds(attempt, base=0.5, cap=3.0) for attempt in (1, 2, 3, 4)] == [0.5, 1, 2, 3]
    assert delay_seconds(1, base=9.0, cap=3.0) == 3.0


def test_a_huge_attempt_does_not_overflow() -> None:
    assert delay_seconds(10**9) == 60.0


@pytest.mark.parametrize(
    ("attempt", "base", "cap"), [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]
)
def test_nonsense_is_refused(attempt: int, base: float, cap: float) -> None:
    with pytest.raises(ValueError, match=r"counted from 1|negative"):
        delay_seconds(attempt, base, cap)


@given(delay=st.floats(0, 3600), seed=st.integers())
def test_jitter_lies_between_half_and_whole(delay: float, seed: int) -> None:
    assert delay / 2 <= with_jitter(delay, random.Random(seed)) <= delay


def test_the_dice_are_the_callers() -> None:
    first, again = (with_jitter(8.0, random.Random(7)) for _ in range(2))

    assert first == again == 4.0 + 4.0 * random.Random(7).random()
