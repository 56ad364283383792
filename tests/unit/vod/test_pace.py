"""The pace of one worker, by a clock that jumps: never above the quota, not far below it."""

import asyncio
import random

import pytest

from batch.vod.pace import Pace, burst_and_rate
from tests.support.virtual_time import VirtualLoop, run_virtually

QUOTAS = [0.5, 1, 2, 2.9, 3, 5, 30, 30.5, 100, 1000, 1001, 5000]


def _worst_second(times: list[float]) -> int:
    """Return the most times in any half-open second, as the server counts."""
    ordered, first, worst = sorted(times), 0, 0
    for last, now in enumerate(ordered):
        while now - ordered[first] >= 1:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


@pytest.mark.parametrize("quota", QUOTAS)
def test_burst_and_rate_together_stay_under_the_quota(quota: float) -> None:
    """The recipe: rate plus burst less one is at most the quota, and little is given away."""
    burst, rate = burst_and_rate(quota)
    assert burst >= 1
    assert rate + burst - 1 <= quota + 1e-9
    assert rate >= 0.6 * quota


@pytest.mark.parametrize("quota", [2, 5, 30, 200])
@pytest.mark.parametrize("latest", [0.0, 0.3, 1.5])
def test_no_second_holds_more_than_the_quota(quota: float, latest: float) -> None:
    """Also when a commit between permit and send takes longer at some times than at others."""

    async def send_all(loop: VirtualLoop) -> None:
        pace = Pace(quota, loop.time)
        dice = random.Random(7)
        left: list[float] = []

        async def send() -> None:
            await asyncio.sleep(dice.random() * latest)
            await pace.depart()
            left.append(loop.time())

        number = int(quota * 6)
        async with asyncio.TaskGroup() as group:
            permits = 0
            while permits < number:
                taken = await pace.take(8)
                permits += taken
                for _ in range(taken):
                    group.create_task(send())
        assert len(left) >= number
        assert _worst_second(left) <= quota
        assert pace.worst_second <= quota
        if not latest:
            assert loop.time() <= 6 * 1.8

    run_virtually(send_all)


def test_a_pause_gives_no_permit_and_is_never_cut_short() -> None:
    """While a pause holds nobody gets a permit; a shorter one changes nothing."""

    async def look(loop: VirtualLoop) -> None:
        pace = Pace(30, loop.time)
        pace.pause(10)
        pace.pause(1)
        assert pace.paused_for == pytest.approx(10)
        began = loop.time()
        await pace.take(1)
        assert loop.time() - began >= 10
        assert pace.paused_for == 0

    run_virtually(look)


def test_a_permit_is_waited_for_and_no_more_are_taken_than_asked() -> None:
    """One permit always, then those that are free, never more than asked for."""

    async def look(loop: VirtualLoop) -> None:
        pace = Pace(1000, loop.time)
        for most in (1, 2, 100):
            assert 1 <= await pace.take(most) <= most

    run_virtually(look)
