"""What jobs cost, exactly (``vod-api.md`` 1.6)."""

from decimal import Decimal
from typing import TYPE_CHECKING

from batch.emulator.bill import Bill
from batch.emulator.models import MEDIA_DNA, VIDEO_TAG
from batch.emulator.settings import PriceSettings

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import StartEmulator


def test_sums_are_exact() -> None:
    bill = Bill(PriceSettings(), job_seconds=0)
    for _ in range(600):
        bill.expect(0.0, MEDIA_DNA, 0.1, 0.0)  # in floating point 59.99999999999943

    assert bill.describe(0.0) == {
        "charged_seconds": {MEDIA_DNA: 60.0},
        "charged_minutes": {MEDIA_DNA: 1, "total": 1},
        "cost": {"currency": "CNY", "per_type": {MEDIA_DNA: "0.05"}, "total": "0.05"},
    }


def test_jobs_are_charged_when_they_end_in_whatever_order_they_came() -> None:
    bill = Bill(PriceSettings(), job_seconds=10)
    for created in (5.0, 0.0, 3.0):
        bill.expect(created, VIDEO_TAG, 60.0, now=5.0)
    bill.expect(5.0, MEDIA_DNA, 0.0, now=5.0)

    minutes = [bill.describe(now)["charged_minutes"][VIDEO_TAG] for now in (9.5, 10, 13, 14, 15)]

    assert minutes == [0, 1, 2, 2, 3]
    assert bill.describe(15.0)["charged_minutes"] == {VIDEO_TAG: 3, MEDIA_DNA: 0, "total": 3}


async def test_cost_on_the_meter(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        media.durations = {long = 3599.9, short = 30}
        prices.per_minute = {AIVideoTag = "0.333"}
        """
    )
    empty = await emulator.meter()
    for name in ("long", "short"):
        await emulator.submit(name, "AIMediaDNA,AIVideoTag")
    meter = await emulator.meter()
    rows = await emulator.jobs()
    cost = meter["cost"]

    assert empty["cost"] == {"currency": "CNY", "per_type": {}, "total": "0"}
    assert meter["charged_minutes"] == {"AIMediaDNA": 60, "AIVideoTag": 60, "total": 120}
    assert Decimal(cost["per_type"]["AIMediaDNA"]) == Decimal(3)
    assert Decimal(cost["per_type"]["AIVideoTag"]) == Decimal("19.98")
    assert Decimal(cost["total"]) == Decimal("22.98")
    assert [row["seconds_charged"] for row in rows] == [3599.9, 3599.9, 30.0, 30.0]
