"""Parameters of SubmitAIJob and ListAIJob (``vod-api.md`` 1.1, 1.3, 2.1, 3)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator

MEDIA = {"MediaId": "m1", "Types": "AIMediaDNA"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MediaId": ""}, "MissingMediaId"),
        ({"MediaId": "two words"}, "InvalidVideo.NotFound"),
        ({"Types": ""}, "MissingTypes"),
        ({"Types": "AIMediaDNA,AISomething"}, "InvalidParameter"),
        ({"Types": "AIMediaDNA, AIVideoTag"}, "InvalidParameter"),
        ({"Config": "not json"}, "InvalidParameter"),
        ({"Config": "[]"}, "InvalidParameter"),
        ({"Config": '{"AIVideoTag":{"AnalyseTypes":"ASR,OCR"}}'}, "OK"),
        ({"Config": '{"AIVideoTagConfig":{"AnalyseTypes":"Face"}}'}, "OK"),
        ({"Config": '{"AIVideoTag":{"AnalyseTypes":"Smell"}}'}, "InvalidParameter"),
        ({"Config": '{"AIVideoTag":{"AnalyseTypes":["ASR"]}}'}, "InvalidParameter"),
        ({"Config": '{"AIVideoTag":"ASR"}'}, "InvalidParameter"),
        ({"Config": '{"DNADBId":"88c6ca184c0e47098a5b665e2a126797"}'}, "OK"),
        ({"Config": '{"DNADBId":1}'}, "InvalidParameter"),
        ({"UserData": "[1]"}, "InvalidParameter"),
        ({"UserData": '{"Extend":{"localId":"1","test":"www"}}'}, "OK"),
        ({"UserData": json.dumps({"Extend": '{"a":1}'})}, "OK"),
        ({"UserData": json.dumps({"Extend": "no object"})}, "InvalidParameter"),
        ({"UserData": '{"Extend":7}'}, "InvalidParameter"),
        ({"UserData": json.dumps({"Extend": {"k": "x" * 504}})}, "OK"),
        ({"UserData": json.dumps({"Extend": {"k": "x" * 505}})}, "InvalidParameter"),
        ({"UserData": json.dumps({"Extend": {"k": "中" * 169}})}, "InvalidParameter"),
        ({"UserData": '{"MessageCallback":{"CallbackURL":"http://127.0.0.1/"}}'}, "OK"),
        ({"UserData": '{"MessageCallback":[]}'}, "InvalidParameter"),
    ],
)
async def test_submit_parameters(emulator: "Emulator", change: dict[str, str], code: str) -> None:
    reply = await emulator.v3("SubmitAIJob", {**MEDIA, **change})

    assert reply.code == code
    assert (await emulator.meter())["jobs"] == (1 if code == "OK" else 0)


@pytest.mark.parametrize(
    ("region", "types", "made"),
    [
        ("cn-beijing", "AIMediaDNA,AIVideoTag", ["AIMediaDNA", "AIVideoTag"]),
        ("ap-southeast-1", "AIMediaDNA", ["AIMediaDNA"]),
        ("ap-southeast-1", "AIMediaDNA,AIVideoTag", []),
        ("eu-central-1", "AIMediaDNA", []),
    ],
)
async def test_types_by_region(
    start_emulator: "StartEmulator", region: str, types: str, made: list[str]
) -> None:
    emulator = await start_emulator(f'region = "{region}"')

    reply = await emulator.submit(types=types)

    assert reply.code == ("OK" if made else "InvalidParameter")
    assert list((await emulator.meter())["jobs_per_type"]) == made


async def test_partial_success_leaves_a_type_out(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        'submit = {partial_success = true, inactive_types = ["AIVideoTag"]}'
    )

    both = await emulator.submit(types="AIMediaDNA,AIVideoTag")
    alone = await emulator.submit(types="AIVideoTag")

    assert [job["Type"] for job in both.json["AIJobList"]["AIJob"]] == ["AIMediaDNA"]
    assert (alone.status, alone.code) == (403, "OperationDenied")


@pytest.mark.parametrize(("policy", "made"), [("all", 2), ("none", 0)])
async def test_types_absent_is_a_switch(
    start_emulator: "StartEmulator", policy: str, made: int
) -> None:
    emulator = await start_emulator(f'submit.types_absent = "{policy}"')

    reply = await emulator.v3("SubmitAIJob", {"MediaId": "m1"})

    assert len(reply.json["AIJobList"]["AIJob"]) == made


async def test_media_library(start_emulator: "StartEmulator", tmp_path: Path) -> None:
    (tmp_path / "library.txt").write_text("m1\nm2\n")
    emulator = await start_emulator(
        f"""
        [media]
        library = ["m3"]
        library_file = "{tmp_path / "library.txt"}"
        missing = ["m2"]
        """
    )

    replies = {name: await emulator.submit(name) for name in ("m1", "m2", "m3", "m4")}

    assert {name: reply.code for name, reply in replies.items()} == {
        "m1": "OK",
        "m2": "InvalidVideo.NotFound",
        "m3": "OK",
        "m4": "InvalidVideo.NotFound",
    }
    assert replies["m2"].status == 404


async def test_a_status_can_be_refused(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        submit.refused_statuses = ["Uploading"]
        media.statuses = {Uploading = ["m1"], Blocked = ["m2"]}
        """
    )
    replies = [await emulator.submit(name) for name in ("m1", "m2", "m3")]

    assert [reply.code for reply in replies] == ["Forbidden.IllegalStatus", "OK", "OK"]
    assert replies[0].status == 400


async def test_codes_can_be_replaced(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        [refusals.missing_media_id]
        code = "MissingParameter"
        [refusals.too_many_job_ids]
        code = "InvalidParameter.Length"
        status = 403
        """
    )

    missing = await emulator.v3("SubmitAIJob", {"Types": "AIMediaDNA"})
    too_many = await emulator.v3("ListAIJob", {"JobIds": ",".join("abcdefghijk")})

    assert (missing.status, missing.code) == (400, "MissingParameter")
    assert (too_many.status, too_many.code) == (403, "InvalidParameter.Length")


async def test_list_parameters(emulator: "Emulator") -> None:
    missing = await emulator.v3("ListAIJob")
    ten = await emulator.v3("ListAIJob", {"JobIds": ",".join("abcdefghij")})
    eleven = await emulator.v3("ListAIJob", {"JobIds": ",".join("abcdefghijk")})

    assert missing.code == "MissingJobIds"
    assert ten.json["NonExistAIJobIds"]["String"] == list("abcdefghij")
    assert eleven.code == "InvalidParameter"
