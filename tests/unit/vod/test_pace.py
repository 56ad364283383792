"""The pace of free calls, by a clock that jumps: never above the quota, not far below it."""

import asyncio

import pytest

from batch.vod.pace import burst_and_rate, limiter
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
def test_no_second_holds_more_than_the_quota(quota: float) -> None:
    """However many wait; and a second holds not much less either."""

    async def call_all(loop: VirtualLoop) -> None:
        pace = limiter(quota)
        made: list[float] = []

        async def call() -> None:
            await pace.acquire()
            made.append(loop.time())

        await asyncio.gather(*(call() for _ in range(int(quota * 6))))
        assert _worst_second(made) <= quota
        assert loop.time() <= 6 * 1.8

    run_virtually(call_all)
