"""Jobs go on with the clock, end as set, and cost what was processed (``vod-api.md`` 1.6, 2.1)."""

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator


async def list_one(emulator: "Emulator", job_id: str) -> dict[str, Any]:
    reply = await emulator.v3("ListAIJob", {"JobIds": job_id})
    entry: dict[str, Any] = reply.json["AIJobList"]["AIJob"][0]
    return entry


def job_ids(reply: Any) -> list[str]:
    return [entry["JobId"] for entry in reply.json["AIJobList"]["AIJob"]]


async def test_jobs_advance_with_the_clock(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        "jobs = {processing_after_seconds = 10, finished_after_seconds = 30}"
    )
    (job_id,) = job_ids(await emulator.submit("m1"))
    seen = []
    for wait in (0, 9.9, 0.1, 19.9, 0.1):
        emulator.clock.turn(wait)
        seen.append((await list_one(emulator, job_id))["Status"])

    assert seen == ["init", "init", "processing", "processing", "success"]


async def test_a_finished_job(emulator: "Emulator") -> None:
    dna, tag = job_ids(await emulator.submit("m1", "AIMediaDNA,AIVideoTag"))
    reply = await emulator.v3("ListAIJob", {"JobIds": f"{tag},unknown,{dna},{tag}"})
    entries = reply.json["AIJobList"]["AIJob"]

    assert [entry["JobId"] for entry in entries] == [tag, dna]
    assert reply.json["NonExistAIJobIds"] == {"String": ["unknown"]}
    assert json.loads(entries[0].pop("Data"))["Keyword"][0]["Tag"]
    assert json.loads(entries[1].pop("Data")) == {"VideoDNA": []}
    assert entries[1] == {
        "JobId": dna,
        "MediaId": "m1",
        "Type": "AIMediaDNA",
        "Status": "success",
        "Code": "0",
        "Message": "OK",
        "CreationTime": "2026-01-02T03:04:05Z",
        "CompleteTime": "2026-01-02T03:04:05Z",
    }


async def test_failing_media_and_what_is_charged(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        media.duration_seconds = 50
        [jobs]
        failing_media = ["bad"]
        fail_code = "InvalidMedia"
        """
    )
    (bad,) = job_ids(await emulator.submit("bad"))
    for media_id in ("m1", "m2", "m3"):
        await emulator.submit(media_id, "AIMediaDNA,AIVideoTag")
    await emulator.submit("m4")
    meter = await emulator.meter()
    entry = await list_one(emulator, bad)

    assert (entry["Status"], entry["Code"]) == ("fail", "InvalidMedia")
    assert meter["charged_seconds"] == {"AIMediaDNA": 200, "AIVideoTag": 150}
    assert meter["charged_minutes"] == {"AIMediaDNA": 3, "AIVideoTag": 2, "total": 5}
    assert meter["jobs"] == 8


async def test_unfinished_jobs_are_not_charged(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("jobs.finished_after_seconds = 5")
    await emulator.submit()
    before = await emulator.meter()
    emulator.clock.turn(5)
    after = await emulator.meter()

    assert before["charged_minutes"]["total"] == 0
    assert after["charged_minutes"]["total"] == 1


async def test_fail_ratio_of_one_fails_all(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("jobs.fail_ratio = 1.0")
    (job_id,) = job_ids(await emulator.submit())

    assert (await list_one(emulator, job_id))["Status"] == "fail"


async def test_each_media_has_its_own_length(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("media.duration_range = [10, 7200]")
    for media_id in ("m1", "m1", "m2"):
        await emulator.submit(media_id)
    rows = await emulator.jobs()
    lengths = [row["seconds_charged"] for row in rows]

    assert lengths[0] == lengths[1] != lengths[2]
    assert all(10 <= length <= 7200 for length in lengths)


@pytest.mark.parametrize(
    ("policy", "code", "jobs"),
    [("another_job", "OK", 3), ("same_job", "OK", 2), ("refuse", "InvalidParameter", 2)],
)
async def test_duplicate_policy(
    start_emulator: "StartEmulator", policy: str, code: str, jobs: int
) -> None:
    emulator = await start_emulator(
        f'submit.duplicates = "{policy}"\njobs.finished_after_seconds = 60'
    )
    first = await emulator.submit("m1")
    again = await emulator.submit("m1")
    emulator.clock.turn(60)
    later = await emulator.submit("m1")
    meter = await emulator.meter()

    assert (again.code, later.code) == (code, "OK")
    assert meter["jobs"] == jobs
    assert meter["media_types_with_more_than_one_job"] == {
        "count": 1,
        "list": [{"media_id": "m1", "type": "AIMediaDNA", "jobs": jobs}],
    }
    if policy == "same_job":
        assert job_ids(again) == job_ids(first)


async def test_job_list_for_comparing_with_a_ledger(emulator: "Emulator") -> None:
    reply = await emulator.v3(
        "SubmitAIJob",
        {"MediaId": "m1", "Types": "AIMediaDNA", "UserData": '{"Extend":{"row":7}}'},
        nonce="n1",
    )
    rows = await emulator.jobs()

    assert rows == [
        {
            "job_id": job_ids(reply)[0],
            "media_id": "m1",
            "type": "AIMediaDNA",
            "status": "success",
            "trigger": "Manual",
            "created_at": "2026-01-02T03:04:05.250000Z",
            "user_data": '{"Extend":{"row":7}}',
            "config": None,
            "nonce": "n1",
            "request_id": reply.json["RequestId"],
            "account": "default",
            "access_key_id": "testid",
            "seconds_charged": 60.0,
        }
    ]


async def test_another_accounts_job_does_not_exist(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        '[[access_keys]]\nid = "other"\nsecret = "s"\naccount = "stranger"'
    )
    (job_id,) = job_ids(await emulator.submit())
    emulator.access_key = ("other", "s")

    reply = await emulator.v3("ListAIJob", {"JobIds": job_id})

    assert reply.json["NonExistAIJobIds"] == {"String": [job_id]}


async def test_a_seed_repeats_ids(start_emulator: "StartEmulator") -> None:
    replies = [await (await start_emulator("seed = 7")).submit() for _ in range(2)]
    other = await (await start_emulator("seed = 8")).submit()

    assert replies[0].json == replies[1].json != other.json


async def test_reset_clears_jobs_meter_and_nonces(emulator: "Emulator") -> None:
    query = {"MediaId": "m1", "Types": "AIMediaDNA"}
    await emulator.v3("SubmitAIJob", query, nonce="n1")
    await emulator.post("reset", {})
    empty = await emulator.meter()
    again = await emulator.v3("SubmitAIJob", query, nonce="n1")

    assert (empty["jobs"], empty["requests"], empty["busiest_second"]) == (0, {}, 0)
    assert again.code == "OK"
