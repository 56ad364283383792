"""Time, nonce, permission, account: what stands before every action (``vod-api.md`` 5.2, 6.4)."""

import re
from typing import TYPE_CHECKING

import pytest

from batch.emulator.clock import iso_seconds

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, Reply, StartEmulator

MEDIA = {"MediaId": "925ead60239d71ee80ca6732b68f0102", "Types": "AIMediaDNA,AIVideoTag"}


def accepted_types(reply: "Reply") -> list[str]:
    return [entry["Type"] for entry in reply.json["AIJobList"]["AIJob"]]


@pytest.mark.parametrize("style", ["v3", "rpc"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("place", ["query", "form"])
async def test_every_way_to_send_parameters(
    emulator: "Emulator", style: str, method: str, place: str
) -> None:
    call = emulator.v3 if style == "v3" else emulator.rpc
    parameters = {**MEDIA, "UserData": '{"Extend":{"k":"a b+c*~中"}}'}
    query, form = (parameters, None) if place == "query" else (None, parameters)

    reply = await call("SubmitAIJob", query, method=method, form=form)
    jobs = reply.json["AIJobList"]["AIJob"]

    assert accepted_types(reply) == ["AIMediaDNA", "AIVideoTag"]
    assert {job["MediaId"] for job in jobs} == {MEDIA["MediaId"]}
    assert all(re.fullmatch("[0-9a-f]{32}", job["JobId"]) for job in jobs)


async def test_error_shape(emulator: "Emulator") -> None:
    reply = await emulator.v3("SubmitAIJob", {"Types": "AIMediaDNA"})

    assert (reply.status, reply.code) == (400, "MissingMediaId")
    assert set(reply.json) == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", reply.json["RequestId"])
    assert reply.json["HostId"] == emulator.url.removeprefix("http://")
    assert reply.headers["x-acs-request-id"] == reply.json["RequestId"]


@pytest.mark.parametrize(
    ("offset", "code"),
    [
        (-901, "InvalidTimeStamp.Expired"),
        (-899, "OK"),
        (899, "OK"),
        (902, "InvalidTimeStamp.Expired"),
    ],
)
async def test_date_window_is_fifteen_minutes_both_ways(
    emulator: "Emulator", offset: float, code: str
) -> None:
    date = iso_seconds(emulator.clock.as_clock().wall() + offset)

    assert (await emulator.v3("SubmitAIJob", MEDIA, date=date)).code == code


@pytest.mark.parametrize("date", ["yesterday", "2026-01-02 03:04:05Z", "2026-13-02T03:04:05Z"])
async def test_malformed_date(emulator: "Emulator", date: str) -> None:
    assert (await emulator.v3("SubmitAIJob", MEDIA, date=date)).code == "InvalidTimeStamp.Format"


async def test_a_nonce_is_remembered_for_31_minutes(emulator: "Emulator") -> None:
    codes = []
    for wait in (0, 1, 31 * 60 - 2, 1):
        emulator.clock.turn(wait)
        codes.append((await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")).code)

    assert codes == ["OK", "SignatureNonceUsed", "SignatureNonceUsed", "OK"]
    assert (await emulator.meter())["jobs"] == 4


@pytest.mark.parametrize(
    ("action", "query"),
    [
        ("ListAIJob", {"JobIds": "0"}),
        ("ListJobInfo", {"MediaId": "m1", "JobType": "ai"}),
        ("GetJobDetail", {"JobId": "0", "JobType": "ai"}),
        ("GetMediaDNAResult", {"MediaId": "m1"}),
        ("GetAIVideoTagResult", {"MediaId": "m1"}),
        ("GetVideoInfos", {"VideoIds": "m1"}),
        ("SearchMedia", {"PageSize": "1"}),
    ],
)
async def test_nonces_of_queries_are_remembered(
    emulator: "Emulator", action: str, query: dict[str, str]
) -> None:
    first = await emulator.v3(action, query, nonce="n1")
    again = await emulator.v3(action, query, nonce="n1")
    submit = await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")

    assert first.code != "SignatureNonceUsed"
    assert [again.code, submit.code] == ["SignatureNonceUsed"] * 2


async def test_an_account_that_does_not_refuse_repeated_nonces(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator("gateway.nonce_check = false")

    codes = [(await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")).code for _ in range(2)]

    assert codes == ["OK", "OK"]
    assert (await emulator.meter())["jobs"] == 4


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("network", ["testid", "colleague", "stranger"]),
        ("account", ["testid", "colleague"]),
        ("key", ["testid"]),
    ],
)
async def test_among_whom_a_nonce_must_not_repeat(
    start_emulator: "StartEmulator", scope: str, refused: list[str]
) -> None:
    emulator = await start_emulator(
        f"""
        gateway.nonce_scope = "{scope}"
        [[access_keys]]
        id = "colleague"
        secret = "testsecret"
        [[access_keys]]
        id = "stranger"
        secret = "testsecret"
        account = "elsewhere"
        """
    )
    await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")
    codes = {}
    for key_id in ("testid", "colleague", "stranger"):
        emulator.access_key = (key_id, "testsecret")
        codes[key_id] = (await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")).code

    assert [key_id for key_id, code in codes.items() if code == "SignatureNonceUsed"] == refused


@pytest.mark.parametrize("consumed", [True, False])
async def test_nonce_of_a_throttled_call(start_emulator: "StartEmulator", consumed: bool) -> None:
    emulator = await start_emulator(
        f"""
        quota.limits.SubmitAIJob = 1
        gateway.nonce_consumed_by_throttled = {str(consumed).lower()}
        """
    )
    await emulator.submit()
    throttled = await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")
    emulator.clock.turn(1)
    again = await emulator.v3("SubmitAIJob", MEDIA, nonce="n1")

    assert throttled.code == "Throttling.User"
    assert again.code == ("SignatureNonceUsed" if consumed else "OK")


async def test_wrong_signatures_are_metered(emulator: "Emulator") -> None:
    emulator.access_key = ("testid", "guessed")
    replies = [await emulator.v3(query=MEDIA), await emulator.rpc(query=MEDIA)]
    meter = await emulator.meter()

    assert [(reply.status, reply.code) for reply in replies] == [(400, "SignatureDoesNotMatch")] * 2
    assert meter["refused_signatures"] == 2
    assert (meter["jobs"], meter["busiest_second"]) == (0, 0)


KEYS = """
region = "cn-beijing"
[[access_keys]]
id = "reader"
secret = "s"
actions = ["vod:ListAIJob"]
[[access_keys]]
id = "elsewhere"
secret = "s"
regions = ["cn-shanghai"]
[[access_keys]]
id = "switched-off"
secret = "s"
status = "inactive"
[[access_keys]]
id = "sts"
secret = "s"
security_token = "token"
security_token_expires_at = "2026-01-02T04:00:00Z"
"""


@pytest.mark.parametrize(
    ("key_id", "status", "code"),
    [
        ("reader", 403, "Forbidden.RAM"),
        ("elsewhere", 403, "Forbidden"),
        ("switched-off", 400, "InvalidAccessKeyId.Inactive"),
        ("nobody", 404, "InvalidAccessKeyId.NotFound"),
        ("sts", 400, "InvalidSecurityToken.Expired"),
    ],
)
async def test_keys_that_may_not(
    start_emulator: "StartEmulator", key_id: str, status: int, code: str
) -> None:
    emulator = await start_emulator(KEYS)
    emulator.access_key = (key_id, "s")

    reply = await emulator.submit()

    assert (reply.status, reply.code) == (status, code)
    assert ("AccessDeniedDetail" in reply.json) == (code == "Forbidden.RAM")


async def test_a_granted_action_is_allowed(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(KEYS)
    emulator.access_key = ("reader", "s")

    assert (await emulator.v3("ListAIJob", {"JobIds": "0"})).code == "OK"


async def test_temporary_key_until_it_expires_and_is_rotated(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator(KEYS)
    emulator.access_key = ("sts", "s")
    emulator.extra_headers = {"x-acs-security-token": "token", "x-acs-accesskey-id": "sts"}

    before = await emulator.submit()
    emulator.clock.turn(3600)
    after = await emulator.submit()
    await emulator.post("access_keys", {"id": "sts", "secret": "s", "security_token": "token2"})
    emulator.extra_headers["x-acs-security-token"] = "token2"
    rotated = await emulator.submit()

    assert [before.code, after.code, rotated.code] == ["OK", "InvalidSecurityToken.Expired", "OK"]


async def test_account_states(emulator: "Emulator") -> None:
    codes = []
    for state in ("arrears", "not_open", "ok"):
        assert await emulator.post("accounts", {"default": state}) == 200
        codes.append((await emulator.submit()).code)

    assert codes == ["OperationDenied.Suspended", "OperationDenied", "OK"]
    assert await emulator.post("accounts", {"default": "rich"}) == 400


async def test_calls_that_exist_nowhere(emulator: "Emulator") -> None:
    unknown = await emulator.v3("SubmitAIJobs", MEDIA)
    old = await emulator.v3("SubmitAIJob", MEDIA, version="2016-01-01")
    put = await emulator.v3("SubmitAIJob", MEDIA, method="PUT")
    unsigned = await emulator.send("GET", {"Format": "JSON"}, b"", {})

    assert (unknown.status, unknown.code) == (404, "InvalidApi.NotFound")
    assert old.code == "InvalidApi.NotFound"
    assert put.code == "UnsupportedHTTPMethod"
    assert unsigned.code == "MissingAccessKeyId"


async def test_old_signature_method_and_missing_nonce(emulator: "Emulator") -> None:
    method = await emulator.rpc(query=MEDIA, change={"SignatureMethod": "HMAC-MD5"})
    nonce = await emulator.rpc(query={**MEDIA, "SignatureNonce": ""})

    assert method.code == "InvalidSignatureMethod"
    assert nonce.code == "MissingSignatureNonce"
