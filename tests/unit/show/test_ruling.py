"""The rule that holds a submission now, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from batch.core.states import State
from batch.show.ruling import MEANS, Facts, HeldBy, rule

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PLAIN = Facts(
    media_id="m1", state=State.PENDING, batch=7, is_due=True, due_at=NOW, attempts=2,
    max_attempts=8, cooldown_until=None, waits_for=None, held_by=(), job_id=None, code=None,
    message=None, reason=None, signed_at=None, was_replayed=False, replay_confirmed=False,
    settle=timedelta(hours=1), polled_at=None, worker="host1, pid 9", worker_seen_at=NOW,
    worker_silence=timedelta(seconds=15), now=NOW,
)  # fmt: skip
LATER = NOW + timedelta(minutes=5)


def _held(**changes: object) -> tuple[str, ...]:
    return rule(replace(PLAIN, **changes)).holding  # type: ignore[arg-type]


def test_a_row_that_was_set_back_is_reported_why() -> None:
    """Its priority alone would promise too much."""
    told = _held(is_set_back=True, reason="account_stopped: Forbidden")
    assert "sends it, behind all others, for it may have kept them" in told[0]
    assert told[0].endswith("(account_stopped: Forbidden)")


def test_every_state_has_its_sentence_and_a_rule() -> None:
    """No state leaves the reader without a meaning and without what comes next."""
    assert set(MEANS) == set(State)
    for state in State:
        told = rule(replace(PLAIN, state=state, signed_at=NOW, job_id="j"))
        assert told.means == MEANS[state]
        assert all(told.holding)
        assert told.holding


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "due now: the next vod-batch submit"),
        ({"is_due": False, "due_at": LATER}, "not due before 2026-11-23 02:05:00 UTC; 2 of "),
        (
            {"cooldown_until": LATER},
            "throttles the account: nothing is sent before 2026-11-23 02:05",
        ),
        ({"waits_for": "in_doubt under campaign x"}, "in_doubt under campaign x: two on the wire"),
        ({"held_by": (HeldBy("target", NOW, "ann", "r"),)}, "by ann (r); let go with: vod-"),
        ({"held_by": (HeldBy("batch", NOW, "ann", "r"),)}, "vod-batch resume --batch 7"),
        ({"held_by": (HeldBy("rows", NOW, "ann", "r"),)}, "vod-batch resume m1"),
    ],
)  # fmt: skip
def test_pending(changes: dict[str, object], says: str) -> None:
    """Each rule names its end and the command."""
    (told,) = _held(**changes)
    assert says in told


def test_all_rules_are_reported() -> None:
    """Several hold at a time; lifting one only would not help."""
    hold = HeldBy("batch", NOW, "ann", "r")
    assert len(_held(held_by=(hold,), cooldown_until=LATER, is_due=False, due_at=LATER)) == 3


@pytest.mark.parametrize(("silent", "says"), [(1, "its answer decides"), (60, "counts as dead")])
def test_submitting(silent: int, says: str) -> None:
    """A living worker's answer decides; a dead one's row comes into doubt."""
    heard = NOW - timedelta(seconds=silent)
    (told,) = _held(state=State.SUBMITTING, worker_seen_at=heard)
    assert says in told


def test_in_doubt_names_when_absence_counts() -> None:
    """Why, what settles it and when, and the operator's own command."""
    told = " / ".join(_held(state=State.IN_DOUBT, reason="timeout", signed_at=NOW))
    assert told.startswith("because timeout / ")
    assert "from 2026-11-23 03:00:00 UTC on finding none proves" in told
    assert "identical request" not in told
    assert told.endswith("vod-batch resolve m1")


@pytest.mark.parametrize(
    ("age", "replayed", "may"), [(1, False, True), (16, False, False), (1, True, False)]
)
def test_a_replay_is_reported_while_it_may_come(age: int, replayed: bool, may: bool) -> None:
    """Inside the date window, once, on an account that refuses repeated nonces."""
    signed = NOW - timedelta(minutes=age)
    told = _held(
        state=State.IN_DOUBT, signed_at=signed, was_replayed=replayed, replay_confirmed=True
    )
    assert any("identical request" in line for line in told) is may
