"""Signatures against the vectors of ``vod-api.md`` 6.2 and 6.3, and what is refused."""

import hashlib

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.connections import Connection
from batch.emulator.signing import (
    read_credential,
    rpc_signature,
    v3_canonical_request,
    v3_signature,
    verify,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def v3_call(headers: dict[str, str], query: dict[str, str], body: bytes = b"") -> Call:
    """Return a V3 call as it would be read from a request."""
    return Call(
        "v3", "POST", "/", headers.get("host", ""), CIMultiDictProxy(CIMultiDict(headers)), body,
        list(query.items()), [], action="", version="", access_key_id="", security_token="",
        nonce="", timestamp="", wants_xml=False, arrived=0.0, request_id="",
        connection=Connection(0),
    )  # fmt: skip


ECS_HEADERS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-content-sha256": EMPTY,
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-version": "2014-05-26",
}
ECS_QUERY = {
    "RegionId": "cn-shanghai",
    "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
}
VOD_HEADERS = {
    "accept": "application/json",
    "host": "vod.cn-shanghai.aliyuncs.com",
    "user-agent": "emulator-test",
    "x-acs-action": "SubmitAIJob",
    "x-acs-content-sha256": EMPTY,
    "x-acs-credentials-provider": "static_ak",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef",
    "x-acs-version": "2017-03-21",
}
VOD_QUERY = {
    "MediaId": "925ead60239d71ee80ca6732b68f0102",
    "Types": "AIMediaDNA",
    "UserData": '{"Extend":{"k":"a b+c*~中"}}',
}
VOD_SIGNATURE = "b64d48d0d5d1c3c5699a55a977476e976ac4267fec4c82d761f6eafc7598bd7b"


@pytest.mark.parametrize(
    ("headers", "query", "secret", "canonical_hash", "signature"),
    [
        (
            ECS_HEADERS,
            ECS_QUERY,
            "YourAccessKeySecret",
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
        (
            VOD_HEADERS,
            VOD_QUERY,
            "testsecret",
            "5e67f7db0cec5e509c4801ef3e85574a8b41fe1f4092f88f832223efa954c440",
            VOD_SIGNATURE,
        ),
    ],
    ids=["published example", "own vector"],
)
def test_v3_vector(
    headers: dict[str, str], query: dict[str, str], secret: str, canonical_hash: str, signature: str
) -> None:
    canonical = v3_canonical_request(v3_call(headers, query), ";".join(sorted(headers)), EMPTY)

    assert hashlib.sha256(canonical.encode()).hexdigest() == canonical_hash
    assert v3_signature(canonical, secret) == signature


def test_rpc_vector() -> None:
    pairs = [
        ("AccessKeyId", "testAccessKeyId"),
        ("Action", "GetVideoPlayAuth"),
        ("Format", "JSON"),
        ("Signature", "is no part of itself"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "8f8a035d-6496-4268-afd4-67c22837e38d"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2017-10-10T12:02:54Z"),
        ("Version", "2017-03-21"),
        ("VideoId", "5aed81b74ba84920be578cdfe004af4b"),
    ]

    assert rpc_signature("GET", pairs, "testAccessKeySecret") == "Ibgh7y8Vp47LBuAsf5Xhi1SvDss="


def authorization(signed: str = ";".join(sorted(VOD_HEADERS)), signature: str = "") -> str:
    """Return an Authorization header for the own vector."""
    return (
        f"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={signed},"
        f"Signature={signature or VOD_SIGNATURE}"
    )


def check(headers: dict[str, str], query: dict[str, str], body: bytes = b"") -> str:
    """Verify a V3 call; return the situation it is refused for, empty if it is not."""
    call = v3_call(headers, query, body)
    try:
        signed_headers, signature = read_credential(call)
        verify(call, signed_headers, signature, "testsecret")
    except Refused as refused:
        return refused.situation
    return ""


def test_headers_outside_the_list_do_not_matter() -> None:
    headers = {**VOD_HEADERS, "Authorization": authorization(), "Content-Type": "text/plain"}

    assert check(headers, VOD_QUERY) == ""


@pytest.mark.parametrize(
    ("change", "situation"),
    [
        ({"Authorization": authorization(signature="0" * 64)}, "wrong_signature"),
        ({"Authorization": "ACS3-HMAC-SHA256 nonsense"}, "wrong_signature"),
        ({"Authorization": "ACS3-HMAC-SM3 Credential=x"}, "invalid_signature_method"),
        ({"Authorization": authorization(signed="host")}, "wrong_signature"),
        ({"x-acs-security-token": "not in the list"}, "wrong_signature"),
        ({"x-acs-date": "2026-01-02T03:04:06Z"}, "wrong_signature"),
        ({"x-acs-content-sha256": "0" * 64}, "wrong_signature"),
        ({"user-agent": "somebody else"}, "wrong_signature"),
    ],
)
def test_what_v3_refuses(change: dict[str, str], situation: str) -> None:
    headers = {**VOD_HEADERS, "Authorization": authorization(), **change}

    assert check(headers, VOD_QUERY) == situation


def test_a_changed_query_or_body_is_refused() -> None:
    headers = {**VOD_HEADERS, "Authorization": authorization()}

    assert check(headers, {**VOD_QUERY, "Types": "AIVideoTag"}) == "wrong_signature"
    assert check(headers, VOD_QUERY, b"a body") == "wrong_signature"


def test_bytes_that_are_not_utf8_are_refused_not_crashed_on() -> None:
    headers = {**VOD_HEADERS, "Authorization": authorization(), "user-agent": "\udcff"}

    assert check(headers, {"MediaId": "\udcff"}) == "wrong_signature"
