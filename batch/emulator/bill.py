"""What jobs cost (``vod-api.md`` 1.6): running totals, so that reading the meter walks no jobs."""

import heapq
from decimal import Decimal
from functools import lru_cache
from typing import Any

from batch.emulator.models import MEDIA_DNA, VIDEO_TAG
from batch.emulator.settings import PriceSettings

_SECONDS_PER_MINUTE = 60
_DEFAULT_PRICES: dict[Any, Decimal] = {MEDIA_DNA: Decimal("0.05"), VIDEO_TAG: Decimal("0.3")}


class Bill:
    """Seconds of media processed with success, by job type; all sums are exact.

    Every job takes ``job_seconds`` from its creation to its end, so jobs end in the order they
    were made in. Times are of :meth:`Clock.played`.
    """

    def __init__(self, prices: PriceSettings, job_seconds: float) -> None:
        self._currency = prices.currency
        self._prices = {
            **_DEFAULT_PRICES,
            **{str(k): price for k, price in prices.per_minute.items()},
        }
        self._job_seconds = job_seconds
        self._seconds: dict[str, Decimal] = {}
        self._running: list[tuple[float, str, Decimal]] = []

    def expect(self, created: float, job_type: str, media_seconds: float, now: float) -> None:
        """Charge a job that will succeed: now if it has ended, else when it does."""
        total = self._seconds.setdefault(job_type, Decimal(0))
        seconds = _exact(media_seconds)
        if now - created >= self._job_seconds:
            self._seconds[job_type] = total + seconds
        else:
            heapq.heappush(self._running, (created, job_type, seconds))

    def clear(self) -> None:
        """Forget what was charged."""
        self._seconds.clear()
        self._running.clear()

    def describe(self, now: float) -> dict[str, Any]:
        """Return the meter's part about money.

        Seconds are summed per type, then whole minutes are billed; the remainder is free. Amounts
        are texts of decimal numbers.
        """
        while self._running and now - self._running[0][0] >= self._job_seconds:
            _, job_type, seconds = heapq.heappop(self._running)
            self._seconds[job_type] += seconds
        minutes = {name: int(total // _SECONDS_PER_MINUTE) for name, total in self._seconds.items()}
        costs = {name: self._prices[name] * number for name, number in minutes.items()}
        return {
            "charged_seconds": {name: float(total) for name, total in self._seconds.items()},
            "charged_minutes": {**minutes, "total": sum(minutes.values())},
            "cost": {
                "currency": self._currency,
                "per_type": {name: f"{cost:f}" for name, cost in costs.items()},
                "total": f"{sum(costs.values(), Decimal(0)):f}",
            },
        }


@lru_cache(maxsize=4096)
def _exact(seconds: float) -> Decimal:
    """Return the number as written, not as binary has it; many media have the same length."""
    return Decimal(str(seconds))
