"""How a run gives way to throttling, by a clock that the test turns."""

import random

import pytest

from batch.core.models import JobType
from batch.core.outcome import Accepted, InDoubt, Job, NotSent, Outcome, Refused, Throttled
from batch.submit.brake import LONGEST_COOLDOWN_SECONDS, SLOWEST, Brake

GOOD = Accepted("R", (Job(JobType.MEDIA_DNA, "j"),))
SLOW = Throttled("Throttling", "", "R", 400, None)
BARE = InDoubt("HTTP 429", 429, slows=True)
DOUBT = InDoubt("HTTP 503", 503)
CLOSED = NotSent("connection refused")
QUOTA = 30.0


class Road:
    """A brake on a clock that each request moves on by its slot, and each pause by its length."""

    def __init__(self, endless_after: float = 600.0) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.brake = Brake(endless_after, lambda: self.now, random.Random(1))

    def send(self, outcome: Outcome) -> float | None:
        """Let one request come to ``outcome``; return the pause that it makes."""
        self.now += self.brake.slowness / QUOTA
        pause = self.brake.see(outcome)
        if pause is not None:
            self.pauses.append(pause)
            self.now += pause
        return pause


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("share", "longest"), [(0.01, 1.02), (0.05, 1.1), (0.1, 1.4)])
def test_a_share_throttled_at_random_costs_little_more_than_itself(
    share: float, longest: float, seed: int
) -> None:
    """One in ten is sent again, which is a ninth more; no pause, and hardly a slower pace."""
    road, dice, done = Road(), random.Random(seed), 0
    while done < 5000:
        outcome = SLOW if dice.random() < share else GOOD
        road.send(outcome)
        done += outcome is GOOD
    assert road.pauses == []
    assert road.now <= longest * done / QUOTA


@pytest.mark.parametrize("quota", [5.0, 10.0, 20.0])
def test_the_pace_finds_a_quota_that_is_lower_than_ours(quota: float) -> None:
    """A server that refuses what is above its own quota is asked about as often as it allows."""
    road, allowed = Road(), 0.0
    throttled = done = 0
    for _ in range(3000):
        before = road.now
        road.now += road.brake.slowness / QUOTA
        allowed = min(quota, allowed + (road.now - before) * quota)
        outcome: Outcome = GOOD if allowed >= 1 else SLOW
        allowed -= allowed >= 1
        road.now += road.brake.see(outcome) or 0.0
        throttled += outcome is SLOW
        done += outcome is GOOD
    assert throttled <= 0.25 * 3000
    assert done / road.now >= 0.6 * quota


@pytest.mark.parametrize("outcome", [SLOW, BARE])
def test_when_it_goes_on_the_pauses_grow(outcome: Outcome) -> None:
    """First slower, then pauses that double up to a minute; one answer of substance ends them."""
    road = Road()
    assert [road.send(outcome) for _ in range(7)] == [None] * 7
    assert road.brake.slowness > 1.9
    for most in (1, 2, 4, 8, 16, 32, 60, 60):
        pause = road.send(outcome)
        assert pause is not None
        assert most / 2 <= pause <= most
    road.send(GOOD)
    assert road.send(outcome) is None


def test_requests_on_the_wire_together_make_one_pause() -> None:
    """They meet the same trouble: the next pause is not longer for each of them."""
    brake = Brake(600, lambda: 0.0, random.Random(1))
    pauses = [brake.see(SLOW) for _ in range(40)]
    assert brake.cooldowns_in_a_row == 1
    assert max(pause or 0 for pause in pauses) <= 1


@pytest.mark.parametrize(("asked", "pause"), [(2.5, 2.5), (86400.0, LONGEST_COOLDOWN_SECONDS)])
def test_what_the_cloud_asks_for_is_done_at_once(asked: float, pause: float) -> None:
    """Its own word goes before ours, up to an hour."""
    assert Road().send(Throttled("T", "", "R", 400, asked)) == pause


def test_a_refusal_that_asks_for_a_slower_pace_slows_once() -> None:
    """It is an answer: it never counts towards a pause of ours, nor as throttling without end."""
    road = Road(endless_after=1.0)
    for _ in range(200):
        assert road.send(Refused("InvalidParameter", "", "R", 429, slows=True)) is None
    assert road.brake.slowness == SLOWEST
    assert not road.brake.is_endless


def test_throttling_without_end_is_reported() -> None:
    """Nothing else for as long as it may last, and several pauses: then the run is to stop."""
    road = Road(endless_after=600)
    while not road.brake.is_endless:
        road.send(SLOW)
        assert road.now < 900
    assert road.now >= 600
    road.send(GOOD)
    assert not road.brake.is_endless


@pytest.mark.parametrize(("share", "slowest"), [(0.01, 2.5), (0.5, SLOWEST)])
def test_doubt_slows_the_pace_down(share: float, slowest: float) -> None:
    """One in a hundred passes; a half-ill cloud is asked ten times less within sixty requests."""
    road, dice = Road(), random.Random(1)
    seen = []
    for _ in range(400):
        road.send(DOUBT if dice.random() < share else GOOD)
        seen.append(road.brake.slowness)
    assert max(seen) <= slowest
    if share == 0.5:
        assert seen.index(SLOWEST) < 60
        assert min(seen[60:]) > SLOWEST / 3
    else:
        assert sum(seen) / len(seen) < 1.2


def test_a_gateway_that_restarts_puts_few_in_doubt() -> None:
    """Ten seconds of error pages at thirty a second: not three hundred, and the pace comes back."""
    road = Road()
    for _ in range(100):
        road.send(GOOD)
    ill_until, doubts = road.now + 10, 0
    while road.now < ill_until:
        road.send(DOUBT)
        doubts += 1
    assert doubts <= 20
    recovered = road.now
    while road.brake.slowness > 1:
        road.send(GOOD)
    assert road.now - recovered < 20


def test_doubt_without_end_is_reported() -> None:
    """Pauses make a limit in a row far away in time; ten minutes of nothing else are enough."""
    road = Road(endless_after=600)
    while not road.brake.is_endless:
        road.send(DOUBT)
        assert road.now < 900
    assert road.brake.ends_in_doubt


def test_a_closed_port_makes_a_pause_and_says_nothing_of_the_pace() -> None:
    """While there is no way to the cloud we wait; held back requests do not count."""
    road = Road()
    assert road.send(CLOSED) is not None
    assert road.brake.slowness == 1.0
    assert road.send(NotSent("stopping", by_choice=True)) is None
