"""The official SDK as an independent client: what it understands, the emulator says rightly.

Tests that take ``service`` hold for the real service, too, and run against it when asked for
(see ``conftest.py``; it costs money). The others need one that can be told how to
behave.
"""

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.exceptions import (
    ClientException,
    ServerException,
    ThrottlingException,
)

from tests.contract.caller import Caller

if TYPE_CHECKING:
    from tests.contract.conftest import Service, StartEmulator

ReadMeter = Callable[["Service"], Awaitable[dict[str, Any]]]

UPPER_UUID = r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"
NO_JOB = "0" * 32


async def test_submit_both_types_and_list_them(sdk: Caller, service: "Service") -> None:
    submitted = await sdk.submit(service, user_data='{"Extend":{"test":"a b+c*~中"}}')
    jobs = submitted.body.aijob_list.aijob
    listed = await sdk.list_jobs(service, *(job.job_id for job in jobs), NO_JOB)
    entries = {entry.job_id: entry for entry in listed.body.aijob_list.aijob}

    assert submitted.status_code == 200
    assert re.fullmatch(UPPER_UUID, submitted.body.request_id)
    assert sorted(job.type for job in jobs) == ["AIMediaDNA", "AIVideoTag"]
    assert {job.media_id for job in jobs} == {service.media_id}
    assert all(re.fullmatch("[0-9a-f]{32}", job.job_id) for job in jobs)
    assert set(entries) == {job.job_id for job in jobs}
    for job in jobs:
        entry = entries[job.job_id]
        assert (entry.media_id, entry.type) == (job.media_id, job.type)
        assert entry.status in {"init", "processing", "success", "fail"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.creation_time)
    assert listed.body.non_exist_aijob_ids.string == [NO_JOB]


async def test_jobs_that_do_not_exist(sdk: Caller, service: "Service") -> None:
    listed = await sdk.list_jobs(service, NO_JOB)

    assert listed.body.non_exist_aijob_ids.string == [NO_JOB]
    assert not (listed.body.aijob_list and listed.body.aijob_list.aijob)


async def test_a_wrong_secret_is_refused(sdk: Caller, service: "Service") -> None:
    with pytest.raises(ClientException) as caught:
        await sdk.submit(service, secret="guessed")

    assert caught.value.code == "SignatureDoesNotMatch"
    assert 400 <= caught.value.status_code < 500
    assert re.fullmatch(UPPER_UUID, caught.value.request_id)
    assert {"RequestId", "HostId", "Code", "Message", "Recommend"} <= set(caught.value.data)


async def test_an_unknown_type_is_refused(sdk: Caller, service: "Service") -> None:
    with pytest.raises(ClientException) as caught:
        await sdk.submit(service, "AINothing")

    assert 400 <= caught.value.status_code < 500
    assert re.fullmatch(UPPER_UUID, caught.value.request_id)


async def test_a_repeated_nonce_is_refused(way: str, service: "Service") -> None:
    sdk, nonce = Caller(way, "v3"), uuid.uuid4().hex
    await sdk.list_jobs(service, NO_JOB, nonce=nonce)

    with pytest.raises(ClientException) as caught:
        await sdk.list_jobs(service, NO_JOB, nonce=nonce)

    assert (caught.value.status_code, caught.value.code) == (400, "SignatureNonceUsed")


# From here on the service has to be told how to behave.


@pytest.mark.parametrize(
    ("toml", "fields", "status", "code"),
    [
        ('media.missing = ["m404"]', {"media_id": "m404"}, 404, "InvalidVideo.NotFound"),
        ("", {"types": "AINothing"}, 400, "InvalidParameter"),
        ("", {"config": "[]"}, 400, "InvalidParameter"),
        ("", {"media_id": ""}, 400, "MissingMediaId"),
        ('accounts.default = "arrears"', {}, 403, "OperationDenied.Suspended"),
        ('accounts.default = "not_open"', {}, 403, "OperationDenied"),
        ('region = "ap-southeast-1"', {}, 400, "InvalidParameter"),
    ],
)
async def test_refusals(
    sdk: Caller,
    shared_emulator: "StartEmulator",
    toml: str,
    fields: dict[str, str],
    status: int,
    code: str,
) -> None:
    service = shared_emulator(toml)

    with pytest.raises(ClientException) as caught:
        await sdk.submit(service, **fields)

    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.request_id == caught.value.data["RequestId"]


async def test_permission_detail(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator(
        """
        [[access_keys]]
        id = "testid"
        secret = "testsecret"
        actions = ["vod:ListAIJob"]
        """
    )
    with pytest.raises(ClientException) as caught:
        await sdk.submit(service)

    assert (caught.value.status_code, caught.value.code) == (403, "Forbidden.RAM")
    assert caught.value.access_denied_detail["AuthAction"] == "vod:SubmitAIJob"


@pytest.mark.parametrize(
    ("retry_after", "error"), [(0, ClientException), (1500, ThrottlingException)]
)
async def test_throttling(
    sdk: Caller,
    start_emulator: "StartEmulator",
    read_meter: ReadMeter,
    retry_after: int,
    error: type[Exception],
) -> None:
    service = start_emulator(
        f'[[faults]]\nkind = "throttle"\nafter = 1\nretry_after = {retry_after}'
    )
    await sdk.submit(service)

    with pytest.raises(error) as caught:
        await sdk.submit(service)

    assert caught.value.code == "Throttling.User"  # type: ignore[attr-defined]
    assert getattr(caught.value, "retry_after", None) == (retry_after or None)
    assert (await read_meter(service))["throttled"] == 1


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("error_500", 500, "InternalError"), ("error_503", 503, "ServiceUnavailable")],
)
async def test_server_errors(
    sdk: Caller, start_emulator: "StartEmulator", kind: str, status: int, code: str
) -> None:
    service = start_emulator(f'[[faults]]\nkind = "{kind}"')

    with pytest.raises(ServerException) as caught:
        await sdk.submit(service)

    assert (caught.value.status_code, caught.value.code) == (status, code)


async def test_a_finished_job_has_a_result(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator("")
    submitted = await sdk.submit(service, "AIMediaDNA")
    (job,) = submitted.body.aijob_list.aijob
    (entry,) = (await sdk.list_jobs(service, job.job_id)).body.aijob_list.aijob

    assert (entry.status, entry.code, entry.message) == ("success", "0", "OK")
    assert entry.data == '{"VideoDNA": []}'
    assert entry.complete_time is not None
