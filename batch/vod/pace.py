"""The pace of free calls: what a quota of so many calls a second is to aiolimiter."""

from aiolimiter import AsyncLimiter


def burst_and_rate(quota: float) -> tuple[float, float]:
    """Return burst (calls) and sustained rate (calls a second) for ``quota`` calls a second."""
    if quota < 3:
        return 1.0, quota
    burst = 2.0 if quota <= 1000 else round(quota * 0.02)
    return burst, quota - burst + 1


def limiter(quota: float) -> AsyncLimiter:
    """Return what spreads calls evenly, at most ``quota`` in any second.

    ``AsyncLimiter(b, b / r)`` lets at most ``r + b - 1`` calls through in a second, so ``r`` is the
    quota less the burst.
    """
    burst, rate = burst_and_rate(quota)
    return AsyncLimiter(burst, burst / rate)
