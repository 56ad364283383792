"""The cloud's time can be moved; the quota's second cannot."""

from typing import TYPE_CHECKING, Any

import pytest

from batch.emulator.clock import iso_seconds

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator


async def test_a_clock_that_nobody_moved(emulator: "Emulator") -> None:
    assert await emulator.get("clock") == {
        "now": "2026-01-02T03:04:05.250000Z",
        "offset_seconds": 0.0,
    }


async def test_job_ages_and_times_follow(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("jobs.finished_after_seconds = 3600")
    await emulator.submit("m1")
    await emulator.post("clock", {"advance_seconds": 3599.5})
    running = await emulator.meter()
    await emulator.post("clock", {"advance_seconds": 0.5})
    ended = await emulator.meter()
    reply = await emulator.submit("m2")
    rows = await emulator.jobs()

    assert running["charged_minutes"]["total"] == 0
    assert ended["charged_minutes"]["total"] == 1
    assert [row["created_at"] for row in rows] == [
        "2026-01-02T03:04:05.250000Z",
        "2026-01-02T04:04:05.250000Z",
    ]
    assert [row["status"] for row in rows] == ["success", "processing"]
    assert reply.headers["Date"] == "Fri, 02 Jan 2026 04:04:05 GMT"
    assert await emulator.get("clock") == {
        "now": "2026-01-02T04:04:05.250000Z",
        "offset_seconds": 3600.0,
    }


async def test_date_window_and_nonces_follow(emulator: "Emulator") -> None:
    query = {"MediaId": "m1", "Types": "AIMediaDNA"}
    real = iso_seconds(emulator.clock.as_clock().wall())
    await emulator.v3("SubmitAIJob", query, nonce="n1")
    await emulator.post("clock", {"advance_seconds": 31 * 60})

    stale = await emulator.v3("SubmitAIJob", query, date=real)
    forgotten = await emulator.v3("SubmitAIJob", query, nonce="n1")

    assert (stale.code, forgotten.code) == ("InvalidTimeStamp.Expired", "OK")


async def test_the_quotas_second_stays(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("quota.limits.SubmitAIJob = 1")
    await emulator.submit("m1")
    await emulator.post("clock", {"advance_seconds": 3600})
    moved = await emulator.submit("m2")
    emulator.clock.turn(1)
    later = await emulator.submit("m3")
    meter = await emulator.meter()

    assert (moved.code, later.code) == ("Throttling.User", "OK")
    assert meter["submit_rate"] == 2.0
    assert meter["last_submit_at"] == {"monotonic": 1001.0, "wall": "2026-01-02T04:04:06.250000Z"}


async def test_back_to_a_night_when_the_clocks_change(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("jobs.finished_after_seconds = 60")
    await emulator.submit("m1")
    emulator.clock.turn(60)
    ended = await emulator.meter()
    assert await emulator.post("clock", {"now": "2025-03-30T00:30:00Z"}) == 200
    back = await emulator.meter()
    (reply,) = [await emulator.submit("m2")]
    emulator.clock.turn(60)
    (info,) = await emulator.list_info("m2")

    assert reply.code == "OK"
    assert (ended["charged_minutes"]["total"], back["charged_minutes"]["total"]) == (1, 0)
    assert (info["CreateTime"], info["Status"]) == ("2025-03-30T00:30:00Z", "success")
    assert (await emulator.get("clock"))["now"] == "2025-03-30T00:31:00.000000Z"
    await emulator.post("clock", {"now": "2026-01-02T05:00:00+01:00"})
    assert (await emulator.meter())["charged_minutes"]["total"] == 2


async def test_automatic_jobs_follow(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('jobs.auto_dna = {media = ["m1"], after_seconds = 7200}')
    await emulator.post("clock", {"advance_seconds": 10_000})
    (info,) = await emulator.list_info("m1")

    assert info["CreateTime"] == "2026-01-02T05:04:05Z"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance_seconds": 1, "now": "2026-01-02T05:00:00Z"},
        {"now": "2026-01-02T05:00:00"},
        {"now": "tomorrow"},
        {"advance_seconds": float("nan")},
        {"advance_seconds": 1e12},
        {"advance_seconds": -1e12},
        {"forward": 1},
        [],
    ],
)
async def test_moves_that_mean_nothing(emulator: "Emulator", body: Any) -> None:
    assert await emulator.post("clock", body) == 400
    assert (await emulator.get("clock"))["offset_seconds"] == 0.0
