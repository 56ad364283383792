"""Jobs that no call made: automatic ones and other programs' (``vod-api.md`` 1.7, 2.4)."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator


async def triggers(emulator: "Emulator", media_id: str) -> list[tuple[str, str]]:
    """Return creation time and trigger of a media's jobs, as an API client finds them."""
    found = []
    for info in await emulator.list_info(media_id):
        detail = (await emulator.detail(info["JobId"])).json["AIJobDetail"]
        found.append((detail["CreateTime"], detail["Trigger"]))
    return found


async def test_automatic_jobs_at_a_given_time(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        'jobs.auto_dna = {media = ["m1", "m2"], after_seconds = 10}\nprices.currency = "EUR"'
    )
    before = await emulator.meter()
    emulator.clock.turn(15)
    after = await emulator.meter()
    rows = await emulator.jobs()

    assert (before["jobs"], before["jobs_auto"]) == (0, 0)
    assert (after["jobs"], after["jobs_auto"], after["jobs_other"]) == (2, 2, 0)
    assert after["jobs_per_type"] == {"AIMediaDNA": 2}
    assert after["cost"] == {"currency": "EUR", "per_type": {"AIMediaDNA": "0.10"}, "total": "0.10"}
    assert after["media_types_with_more_than_one_job"]["count"] == 0
    assert [(row["media_id"], row["trigger"], row["request_id"]) for row in rows] == [
        ("m1", "Auto", ""),
        ("m2", "Auto", ""),
    ]
    assert await triggers(emulator, "m1") == [("2026-01-02T03:04:15Z", "Auto")]
    assert await triggers(emulator, "m3") == []


async def test_an_automatic_job_beside_ones_own(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('jobs.auto_dna = {ratio = 1, on = "submit", after_seconds = 2}')
    await emulator.submit("m1")
    await emulator.submit("m1")
    at_once = await triggers(emulator, "m1")
    emulator.clock.turn(2)
    later = await triggers(emulator, "m1")
    meter = await emulator.meter()

    assert [trigger for _, trigger in at_once] == ["Manual", "Manual"]
    assert later[0] == ("2026-01-02T03:04:07Z", "Auto")
    assert (meter["jobs"], meter["jobs_auto"]) == (3, 1)
    assert meter["media_types_with_more_than_one_job"] == {
        "count": 1,
        "list": [{"media_id": "m1", "type": "AIMediaDNA", "jobs": 2}],
    }


async def test_automatic_jobs_without_delay_on_submission(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('jobs.auto_dna = {media = ["m1"], on = "submit"}')
    for name in ("m1", "m2"):
        await emulator.submit(name, "AIVideoTag")

    rows = await emulator.jobs()

    assert [(row["media_id"], row["type"], row["trigger"]) for row in rows] == [
        ("m1", "AIVideoTag", "Manual"),
        ("m1", "AIMediaDNA", "Auto"),
        ("m2", "AIVideoTag", "Manual"),
    ]


async def test_a_ratio_of_a_known_library(start_emulator: "StartEmulator") -> None:
    library = [f"m{number}" for number in range(400)]
    emulator = await start_emulator(f"jobs.auto_dna.ratio = 0.25\nmedia.library = {library}")
    once = await emulator.jobs()
    await emulator.post("reset", {})
    again = await emulator.jobs()

    assert 60 < len(once) < 140
    assert [row["media_id"] for row in once] == [row["media_id"] for row in again]


async def test_a_ratio_where_every_id_exists(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("jobs.auto_dna.ratio = 1\nmedia.missing = ['m2']")
    emulator.clock.turn(60)

    assert await triggers(emulator, "m1") == [("2026-01-02T03:04:05Z", "Auto")]
    assert await triggers(emulator, "m2") == []
    assert (await emulator.meter())["jobs_auto"] == 1


@pytest.mark.parametrize(
    ("page", "trigger", "auto", "other"),
    [("auto_jobs", "Auto", 2, 0), ("manual_jobs", "Manual", 0, 2)],
)
async def test_jobs_by_admin_call(
    start_emulator: "StartEmulator", page: str, trigger: str, auto: int, other: int
) -> None:
    emulator = await start_emulator("lookup.visible_after_seconds = 5\nmedia.duration_seconds = 90")
    await emulator.submit("m1")
    body = {"media_ids": ["m1", "m2"], "type": "AIVideoTag", "age_seconds": 3600}
    assert await emulator.post(page, body) == 200
    meter = await emulator.meter()
    emulator.clock.turn(5)

    assert (meter["jobs"], meter["jobs_auto"], meter["jobs_other"]) == (3, auto, other)
    assert meter["charged_minutes"] == {"AIMediaDNA": 1, "AIVideoTag": 3, "total": 4}
    assert await triggers(emulator, "m1") == [
        ("2026-01-02T03:04:05Z", "Manual"),
        ("2026-01-02T02:04:05Z", trigger),
    ]
    assert await triggers(emulator, "m2") == [("2026-01-02T02:04:05Z", trigger)]


async def test_an_admin_call_for_another_account(emulator: "Emulator") -> None:
    await emulator.post("manual_jobs", {"media_ids": ["m1"], "account": "stranger"})
    (row,) = await emulator.jobs()

    assert (row["account"], row["type"], row["access_key_id"]) == ("stranger", "AIMediaDNA", "")
    assert await emulator.list_info("m1") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"media_ids": "m1"},
        {"media_ids": ["m1"], "type": "AINothing"},
        {"media_ids": ["m1"], "age_seconds": -1},
        {"media_ids": ["m1"], "age_seconds": float("inf")},
        {"media_ids": ["m1"], "age": 1},
    ],
)
async def test_admin_calls_that_mean_nothing(emulator: "Emulator", body: dict[str, Any]) -> None:
    assert await emulator.post("auto_jobs", body) == 400
    assert (await emulator.meter())["jobs"] == 0
