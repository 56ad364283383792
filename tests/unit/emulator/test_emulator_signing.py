"""Signatures against the vectors of ``vod-api.md`` 6.2 and 6.3, and what is refused."""

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest
from multidict import CIMultiDict

from batch.emulator.signature import rpc_signature, v3_canonical_request, v3_signature

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


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
            "b64d48d0d5d1c3c5699a55a977476e976ac4267fec4c82d761f6eafc7598bd7b",
        ),
    ],
    ids=["published example", "own vector"],
)
def test_v3_vector(
    headers: dict[str, str], query: dict[str, str], secret: str, canonical_hash: str, signature: str
) -> None:
    names = ";".join(sorted(headers))
    canonical = v3_canonical_request(
        "POST", "/", list(query.items()), CIMultiDict(headers), names, EMPTY
    )

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


ZEROS = "0" * 64
QUERY = {"MediaId": "m1", "Types": "AIMediaDNA"}


async def test_headers_outside_the_list_do_not_matter(emulator: "Emulator") -> None:
    assert (await emulator.v3(query=QUERY, unsigned={"Content-Type": "text/plain"})).code == "OK"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            f"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host,Signature={ZEROS}",
            "SignatureDoesNotMatch",
        ),
        ("ACS3-HMAC-SHA256 nonsense", "SignatureDoesNotMatch"),
        ("ACS3-HMAC-SM3 Credential=x", "InvalidSignatureMethod"),
    ],
)
async def test_authorizations_that_v3_refuses(emulator: "Emulator", change: str, code: str) -> None:
    assert (await emulator.v3(query=QUERY, unsigned={"Authorization": change})).code == code


@pytest.mark.parametrize(
    "change",
    [
        {"x-acs-security-token": "not in the list"},
        {"x-acs-date": "2026-01-02T03:04:06Z"},
        {"x-acs-content-sha256": ZEROS},
        {"x-acs-signature-nonce": "another"},
        {"host": "elsewhere"},
    ],
)
async def test_a_changed_header_is_refused(emulator: "Emulator", change: dict[str, str]) -> None:
    assert (await emulator.v3(query=QUERY, unsigned=change)).code == "SignatureDoesNotMatch"
    assert (await emulator.meter())["refused_signatures"] == 1


async def test_a_changed_query_or_body_is_refused(emulator: "Emulator") -> None:
    query = await emulator.v3(query=QUERY, change={"Types": "AIVideoTag"})
    body = await emulator.v3(query=QUERY, sent_body=b"a body")

    assert (query.code, body.code) == ("SignatureDoesNotMatch", "SignatureDoesNotMatch")


async def test_bytes_that_are_not_utf8_are_refused_not_crashed_on(emulator: "Emulator") -> None:
    host, port = emulator.url.removeprefix("http://").split(":")
    must = "host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce"
    signed = f"SignedHeaders={must};x-acs-version,Signature={ZEROS}"
    lines = [
        "POST /?MediaId=%ff HTTP/1.1",
        f"Host: {host}",
        "User-Agent: \xff",
        f"x-acs-content-sha256: {EMPTY}",
        f"Authorization: ACS3-HMAC-SHA256 Credential=testid,{signed}",
        "Content-Length: 0",
        "Connection: close",
    ]
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = await reader.read()
    writer.close()

    assert b"SignatureDoesNotMatch" in answer
