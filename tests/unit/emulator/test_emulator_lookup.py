"""ListJobInfo, GetJobDetail, results by media, GetVideoInfos (``vod-api.md`` 2.2 to 2.4, 2.8)."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator

BOTH = "AIMediaDNA,AIVideoTag"


def ids(jobs: list[dict[str, Any]]) -> list[str]:
    return [job["JobId"] for job in jobs]


async def test_jobs_of_a_media(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("user_ids.default = 42")
    submitted = await emulator.submit("m1", BOTH)
    await emulator.submit("m2")

    reply = await emulator.v3("ListJobInfo", {"MediaId": "m1", "JobType": "ai"})
    made = ids(submitted.json["AIJobList"]["AIJob"])

    assert (reply.json["MediaId"], reply.json["JobType"]) == ("m1", "ai")
    assert ids(reply.json["JobInfoList"]) == made[::-1]
    assert reply.json["JobInfoList"][0] == {
        "JobId": made[1],
        "Status": "success",
        "UserId": 42,
        "CreateTime": "2026-01-02T03:04:05Z",
        "CompleteTime": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"JobType": "ai"}, "MissingMediaId"),
        ({"MediaId": "m1"}, "MissingJobType"),
        ({"MediaId": "m1", "JobType": "workflow"}, "InvalidParameter"),
        ({"MediaId": "m1", "JobType": "transcode"}, "OK"),
        ({"MediaId": "m1", "JobType": "snapshot"}, "OK"),
        ({"MediaId": "no id", "JobType": "ai"}, "OK"),
    ],
)
async def test_parameters_of_list_job_info(
    emulator: "Emulator", query: dict[str, str], code: str
) -> None:
    await emulator.submit("m1")

    reply = await emulator.v3("ListJobInfo", query)

    assert reply.code == code
    assert reply.json.get("JobInfoList") == ([] if code == "OK" else None)


async def test_unknown_media_can_be_refused(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('lookup.unknown_media = "refuse"\nmedia.missing = ["m1"]')

    listed = await emulator.v3("ListJobInfo", {"MediaId": "m1", "JobType": "ai"})
    result = await emulator.v3("GetMediaDNAResult", {"MediaId": "m1"})

    assert listed.code == result.code == "InvalidVideo.NotFound"


async def test_jobs_become_visible_later_and_for_six_months(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator("lookup.visible_after_seconds = 10")
    (job_id,) = ids((await emulator.submit("m1")).json["AIJobList"]["AIJob"])
    seen = []
    for wait in (0, 9.75, 0.25, 183 * 86_400 - 10.25, 0.25):
        emulator.clock.turn(wait)
        listed = ids(await emulator.list_info("m1"))
        detail = await emulator.detail(job_id)
        seen.append((len(listed), detail.code))
    still_listed = await emulator.v3("ListAIJob", {"JobIds": job_id})

    hidden, visible = (0, "NoSuchResource"), (1, "OK")
    assert seen == [hidden, hidden, visible, visible, hidden]
    assert ids(still_listed.json["AIJobList"]["AIJob"]) == [job_id]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("", [5, 4, 3, 2, 1, 0]),
        ('order = "oldest"', [0, 1, 2, 3, 4, 5]),
        ("max_entries = 2", [5, 4]),
        ('order = "oldest"\nmax_entries = 1', [0]),
        ('covers = ["AIVideoTag"]', [5, 3, 1]),
        ("covers = []", []),
    ],
)
async def test_order_number_and_coverage_are_switches(
    start_emulator: "StartEmulator", toml: str, expected: list[int]
) -> None:
    emulator = await start_emulator(f"[lookup]\n{toml}")
    made = []
    for _ in range(3):
        made += ids((await emulator.submit("m1", BOTH)).json["AIJobList"]["AIJob"])
        emulator.clock.turn(1)

    assert [made.index(job_id) for job_id in ids(await emulator.list_info("m1"))] == expected


async def test_a_job_in_detail(emulator: "Emulator") -> None:
    config = '{"AIVideoTag":{"AnalyseTypes":"ASR"}}'
    submitted = await emulator.v3(
        "SubmitAIJob", {"MediaId": "m1", "Types": "AIVideoTag", "Config": config}
    )
    (job_id,) = ids(submitted.json["AIJobList"]["AIJob"])

    reply = await emulator.detail(job_id)
    user_id = reply.json["AIJobDetail"].pop("UserId")

    assert isinstance(user_id, int)
    assert reply.json["JobType"] == "ai"
    assert reply.json["AIJobDetail"] == {
        "JobId": job_id,
        "MediaId": "m1",
        "JobType": "AIVideoTag",
        "Status": "success",
        "CreateTime": "2026-01-02T03:04:05Z",
        "CompleteTime": "2026-01-02T03:04:05Z",
        "TemplateConfig": config,
        "Trigger": "Manual",
    }


async def test_six_words_for_the_stages_of_a_job(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        [jobs]
        started_after_seconds = 1
        processing_after_seconds = 2
        analysing_after_seconds = 3
        finished_after_seconds = 4
        failing_media = ["bad"]
        """
    )
    good, bad = [
        ids((await emulator.submit(name)).json["AIJobList"]["AIJob"])[0] for name in ("m1", "bad")
    ]
    details, listed, infos = [], [], []
    for _ in range(5):
        details.append((await emulator.detail(good)).json["AIJobDetail"]["Status"])
        reply = await emulator.v3("ListAIJob", {"JobIds": good})
        listed.append(reply.json["AIJobList"]["AIJob"][0]["Status"])
        infos.append((await emulator.list_info("m1"))[0])
        emulator.clock.turn(1)
    failed = await emulator.detail(bad)

    assert details == ["reserved", "init", "processing", "analysing", "success"]
    assert [info["Status"] for info in infos] == details
    assert ["CompleteTime" in info for info in infos] == [False] * 4 + [True]
    assert listed == ["init", "init", "processing", "processing", "success"]
    assert failed.json["AIJobDetail"]["Status"] == "fail"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"JobType": "ai"}, 400, "MissingJobId"),
        ({"JobId": "0"}, 400, "MissingJobType"),
        ({"JobId": "0", "JobType": "dream"}, 400, "InvalidParameter"),
        ({"JobId": "0", "JobType": "ai"}, 404, "NoSuchResource"),
        ({"JobId": "0", "JobType": "workflow"}, 404, "NoSuchResource"),
    ],
)
async def test_details_that_there_are_not(
    emulator: "Emulator", query: dict[str, str], status: int, code: str
) -> None:
    reply = await emulator.v3("GetJobDetail", query)

    assert (reply.status, reply.code) == (status, code)


async def test_accounts_see_their_own_jobs_only(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        lookup.without_result = "refuse"
        [[access_keys]]
        id = "other"
        secret = "s"
        account = "stranger"
        """
    )
    (job_id,) = ids((await emulator.submit("m1")).json["AIJobList"]["AIJob"])
    own = (await emulator.detail(job_id)).json["AIJobDetail"]["UserId"]
    emulator.access_key = ("other", "s")
    (strangers,) = ids((await emulator.submit("m1", "AIVideoTag")).json["AIJobList"]["AIJob"])
    (listed,) = await emulator.list_info("m1")

    assert listed["JobId"] == strangers
    assert listed["UserId"] != own
    assert (await emulator.detail(job_id)).code == "NoSuchResource"
    assert (await emulator.v3("GetMediaDNAResult", {"MediaId": "m1"})).code == "NoSuchResource"


async def test_results_by_media(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        'jobs.finished_after_seconds = 5\nmedia.copies = {copy = "original"}'
    )
    await emulator.submit("copy", BOTH)
    dna, tags = [], []
    for _ in range(2):
        reply = await emulator.v3("GetMediaDNAResult", {"MediaId": "copy"})
        dna.append(reply.json["DNAResult"]["VideoDNA"])
        reply = await emulator.v3("GetAIVideoTagResult", {"MediaId": "copy"})
        tags.append(reply.json["VideoTagResult"])
        emulator.clock.turn(5)

    assert dna[0] == []
    assert [(match["PrimaryKey"], match["Similarity"]) for match in dna[1]] == [("original", "1")]
    assert set(tags[0]) == {"Category", "Keyword", "Person", "Location", "Time"}
    assert not any(tags[0].values())
    assert tags[1]["Keyword"] == [{"Tag": "sea", "Times": ["1000", "2000"]}]


@pytest.mark.parametrize("action", ["GetMediaDNAResult", "GetAIVideoTagResult"])
async def test_no_result_can_be_refused(start_emulator: "StartEmulator", action: str) -> None:
    emulator = await start_emulator(
        'lookup.without_result = "refuse"\njobs.failing_media = ["bad"]'
    )
    await emulator.submit("bad", BOTH)
    await emulator.submit("good", BOTH)

    codes = [
        (await emulator.v3(action, {"MediaId": name} if name else {})).code
        for name in ("good", "bad", "new", "")
    ]

    assert codes == ["OK", "NoSuchResource", "NoSuchResource", "MissingMediaId"]


async def test_video_infos(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        [media]
        missing = ["m3"]
        durations = {m2 = 12.5}
        statuses = {Uploading = ["m2"]}
        """
    )
    reply = await emulator.v3("GetVideoInfos", {"VideoIds": "m3,m2,m1,m2"})

    assert reply.json["VideoList"] == [
        {
            "VideoId": "m2",
            "Title": "Video m2",
            "Status": "Uploading",
            "Duration": 12.5,
            "Size": 3_125_000,
            "CreationTime": "2025-01-01T00:00:00Z",
        },
        {
            "VideoId": "m1",
            "Title": "Video m1",
            "Status": "Normal",
            "Duration": 60.0,
            "Size": 15_000_000,
            "CreationTime": "2025-01-01T00:00:00Z",
        },
    ]
    assert reply.json["NonExistVideoIds"] == ["m3"]
    assert reply.json["NonExistReferenceIds"] == []


async def test_parameters_of_video_infos(emulator: "Emulator") -> None:
    names = [f"m{number}" for number in range(21)]
    twenty = await emulator.v3("GetVideoInfos", {"VideoIds": ",".join(names[:20])})
    too_many = await emulator.v3("GetVideoInfos", {"VideoIds": ",".join(names)})
    missing = await emulator.v3("GetVideoInfos")
    references = await emulator.v3("GetVideoInfos", {"ReferenceIds": "mine"})

    assert len(twenty.json["VideoList"]) == 20
    assert (too_many.code, missing.code) == ("InvalidParameter", "MissingVideoIds")
    assert references.json["NonExistReferenceIds"] == ["mine"]


async def test_queries_have_their_own_quota(emulator: "Emulator") -> None:
    codes = [(await emulator.detail("0")).code for _ in range(16)]

    assert codes == ["NoSuchResource"] * 15 + ["Throttling.User"]
    assert await emulator.list_info() == []
