"""Words that are replaced, and switches that are turned, as a client meets them."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from batch.emulator.models import SettingsError
from batch.emulator.settings import parse_settings

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator


async def say(emulator: "Emulator", **operations: Any) -> None:
    assert await emulator.post("words", operations) == 200


async def listed(emulator: "Emulator", job_id: str) -> dict[str, Any]:
    reply = await emulator.v3("ListAIJob", {"JobIds": job_id})
    (entry,) = reply.json["AIJobList"]["AIJob"]
    return dict(entry)


async def made(emulator: "Emulator", media_id: str = "media1") -> str:
    reply = await emulator.submit(media_id)
    return str(reply.json["AIJobList"]["AIJob"][0]["JobId"])


async def test_a_word_of_one_operation_is_replaced(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('[words.ListAIJob.Status]\nsuccess = "SUCCEED"\n')
    job_id = await made(emulator)

    assert (await listed(emulator, job_id))["Status"] == "SUCCEED"
    assert (await emulator.detail(job_id)).json["AIJobDetail"]["Status"] == "success"
    assert [job["status"] for job in await emulator.jobs()] == ["success"]
    assert (await emulator.meter())["words_said"] == {"ListAIJob.Status=SUCCEED": 1}


async def test_a_field_is_left_out_or_named_by_its_object(emulator: "Emulator") -> None:
    job_id = await made(emulator)
    await say(
        emulator,
        GetJobDetail={"Trigger": {"*": False}, "AIJobDetail.JobType": {"AIMediaDNA": "ai"}},
    )

    answer = (await emulator.detail(job_id)).json

    assert "Trigger" not in answer["AIJobDetail"]
    assert (answer["JobType"], answer["AIJobDetail"]["JobType"]) == ("ai", "ai")
    await say(emulator, GetJobDetail={"AIJobDetail.JobType": {"AIMediaDNA": ""}})
    answer = (await emulator.detail(job_id)).json
    assert (answer["JobType"], answer["AIJobDetail"]["JobType"]) == ("ai", "")


async def test_dates_are_moved_and_written_otherwise(emulator: "Emulator") -> None:
    await made(emulator)
    (before,) = await emulator.list_info()
    change = {"hours": 8, "form": "%d.%m.%Y %H:%M"}
    await say(emulator, ListJobInfo={"CreateTime": {"*": change}, "CompleteTime": {"*": False}})

    (after,) = await emulator.list_info()

    assert before["CreateTime"] == "2026-01-02T03:04:05Z"
    assert after["CreateTime"] == "02.01.2026 11:04"
    assert "CompleteTime" not in after


async def test_codes_and_statuses_of_errors(emulator: "Emulator") -> None:
    await say(
        emulator,
        SubmitAIJob={
            "HttpStatus": {"Throttling.User": 429, "200": 201},
            "Code": {"Throttling.User": "Rejected.Throttling"},
        },
    )
    await emulator.post("faults", {"kind": "throttle", "count": 1})

    throttled, accepted = [await emulator.submit() for _ in range(2)]

    assert (throttled.status, throttled.code) == (429, "Rejected.Throttling")
    assert (accepted.status, accepted.code) == (201, "OK")
    assert (await emulator.meter())["answers"] == {"Rejected.Throttling": 1, "OK": 1}


async def test_words_of_every_operation_and_forgotten_ones(emulator: "Emulator") -> None:
    await say(emulator, **{"*": {"Code": {"*": "UnknownError"}, "RequestId": {"*": False}}})
    refused = await emulator.v3("ListAIJob")
    async with emulator.session.delete(f"{emulator.url}/_emulator/words") as reply:
        assert await reply.json() == {}

    assert (refused.status, refused.code) == (400, "UnknownError")
    assert "RequestId" not in refused.json
    assert (await emulator.v3("ListAIJob")).code == "MissingJobIds"


async def test_reset_leaves_words_and_switches(emulator: "Emulator") -> None:
    await say(emulator, ListAIJob={"Status": {"success": "finished"}})
    await emulator.post("switches", {"lookup": {"order": "oldest"}})
    await emulator.post("reset", {})

    assert await emulator.get("words") == {"ListAIJob": {"Status": {"success": "finished"}}}
    assert (await emulator.get("switches"))["lookup"]["order"] == "oldest"


async def test_media_at_rest_and_media_that_do_not_exist(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        '[media]\nmissing = ["gone"]\n[media.storage_classes]\nArchive = ["media1"]\n'
        '[media.restore_statuses]\nProcessing = ["media1"]\n'
        "[words.GetVideoInfos.NonExistVideoIds]\n'*' = { json_text = true }\n"
    )
    reply = await emulator.v3("GetVideoInfos", {"VideoIds": "media1,media2,gone"})

    first, second = reply.json["VideoList"]
    assert (first["StorageClass"], first["RestoreStatus"]) == ("Archive", "Processing")
    assert "StorageClass" not in second
    assert json.loads(reply.json["NonExistVideoIds"]) == ["gone"]


async def test_a_page_with_an_unknown_media_is_refused(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('[media]\nmissing = ["gone"]\nunknown = "refuse"\n')

    whole = await emulator.v3("GetVideoInfos", {"VideoIds": "media1"})
    refused = await emulator.v3("GetVideoInfos", {"VideoIds": "media1,gone"})

    assert (whole.code, refused.status) == ("OK", 404)
    assert refused.code == "InvalidVideo.NotFound"


@pytest.mark.parametrize(
    ("scope", "codes"),
    [
        ("network", ["OK", "SignatureNonceUsed", "SignatureNonceUsed"]),
        ("node", ["OK", "OK", "SignatureNonceUsed"]),
        ("connection", ["OK", "OK", "OK"]),
    ],
)
async def test_nonces_are_kept_by_node_or_connection(
    emulator: "Emulator", scope: str, codes: list[str]
) -> None:
    assert await emulator.post("switches", {"gateway": {"nonce_scope": scope}}) == 200
    fresh = {"Connection": "close"}

    seen = [
        await emulator.v3(
            "SubmitAIJob", {"MediaId": "m", "Types": "AIMediaDNA"}, nonce="n1", unsigned=fresh
        )
        for _ in range(3)
    ]

    assert [reply.code for reply in seen] == codes


@pytest.mark.parametrize(("code", "status"), [("AcsServerTimeOut", 408), ("InternalError", 400)])
async def test_an_error_after_the_job_was_made(
    emulator: "Emulator", code: str, status: int
) -> None:
    rule = {"kind": "refuse", "code": code, "status": status, "execute": True, "count": 1}
    await emulator.post("faults", rule)

    reply = await emulator.submit()

    assert (reply.status, reply.code) == (status, code)
    assert (await emulator.meter())["jobs"] == 1


@pytest.mark.parametrize("execute", [False, True])
async def test_a_page_of_any_status(emulator: "Emulator", execute: bool) -> None:
    await emulator.post("faults", {"kind": "html", "status": 414, "execute": execute, "count": 1})

    reply = await emulator.submit()

    assert (reply.status, reply.headers["Content-Type"]) == (414, "text/html")
    assert "414 " in reply.text
    assert (await emulator.meter())["jobs"] == int(execute)


async def test_an_answer_names_the_job_made_before(emulator: "Emulator") -> None:
    first = await made(emulator, "media1")
    await emulator.post("faults", {"kind": "other_job_id", "count": 1})

    second = await made(emulator, "media2")

    assert second == first
    assert [job["media_id"] for job in await emulator.jobs()] == ["media1", "media2"]


async def test_an_answer_comes_a_second_time_on_its_connection(emulator: "Emulator") -> None:
    first = await emulator.submit("media1")
    rule = {"kind": "repeat_answer", "action": "SubmitAIJob", "count": 1}
    await emulator.post("faults", rule)

    second = await emulator.submit("media2")

    assert second.text == first.text
    assert second.headers["x-acs-request-id"] == first.headers["x-acs-request-id"]
    assert (await emulator.meter())["jobs"] == 2


async def test_time_passes_for_what_is_remembered(emulator: "Emulator") -> None:
    query = {"MediaId": "media1", "Types": "AIMediaDNA"}
    await emulator.v3("SubmitAIJob", query, nonce="used")
    hour = {"seconds": 3600, "expired_nonces": ["signed"]}
    assert await emulator.post("elapse", hour) == 200

    (job,) = await emulator.list_info()
    unsent = await emulator.v3("SubmitAIJob", query, nonce="signed")
    forgotten = await emulator.v3("SubmitAIJob", query, nonce="used")

    assert job["CreateTime"] == "2026-01-02T02:04:05Z"
    assert unsent.code == "InvalidTimeStamp.Expired"
    assert forgotten.code == "OK"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[words.SubmitAIJob.HttpStatus]\n200 = 99", "status of 200 to 599"),
        ("[words.SubmitAIJob.Code]\n'*' = true", "give a word"),
        ("[words.ListAIJob.CreationTime]\n'*' = { hour = 1 }", "did you mean 'hours'"),
        ("[gateway]\nnodes = 0", "nodes must be greater"),
    ],
)
def test_words_that_cannot_be_said(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_settings(text)


@pytest.mark.parametrize("body", [[], {"lookup": 1}, {"quota": {}}, {"lookup": {"order": "up"}}])
async def test_switches_that_there_are_not(emulator: "Emulator", body: Any) -> None:
    assert await emulator.post("switches", body) == 400
