"""The signature's vectors, and that what is signed is what goes over the wire."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.vod.credentials import Credentials
from batch.vod.signing import EMPTY_SHA256, authorize, sign, user_agent
from batch.vod.wire import SignedRequest

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NONCE = "0123456789abcdef0123456789abcdef"
KEY = Credentials("testid", "testsecret")
STS = Credentials("testid", "testsecret", "sts-token", "default/env")


def make(
    params: dict[str, str], credentials: Credentials = KEY, at: datetime = AT
) -> SignedRequest:
    return sign(
        "SubmitAIJob",
        params,
        nonce=NONCE,
        signed_at=at,
        credentials=credentials,
        host="vod.cn-shanghai.aliyuncs.com",
    )


def test_the_public_vector() -> None:
    header = authorize(
        "POST",
        {
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            "RegionId": "cn-shanghai",
        },
        {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": EMPTY_SHA256,
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-version": "2014-05-26",
        },
        access_key_id="YourAccessKeyId",
        access_key_secret="YourAccessKeySecret",
    )

    assert header == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_our_own_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch.vod.signing.user_agent", lambda: "emulator-test")

    request = make(
        {
            "MediaId": "925ead60239d71ee80ca6732b68f0102",
            "Types": "AIMediaDNA",
            "UserData": '{"Extend":{"k":"a b+c*~中"}}',
        }
    )

    assert request.headers["Authorization"].endswith(
        ",Signature=b64d48d0d5d1c3c5699a55a977476e976ac4267fec4c82d761f6eafc7598bd7b"
    )


def test_the_headers_of_the_official_sdk_in_its_order() -> None:
    assert dict(make({"MediaId": "m"}).headers) | {"Authorization": ""} == {
        "host": "vod.cn-shanghai.aliyuncs.com",
        "x-acs-version": "2017-03-21",
        "x-acs-action": "SubmitAIJob",
        "user-agent": user_agent(),
        "x-acs-date": "2026-01-02T03:04:05Z",
        "x-acs-signature-nonce": NONCE,
        "accept": "application/json",
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-credentials-provider": "static_ak",
        "Authorization": "",
    }
    assert user_agent().startswith("vod-batch/")


def test_a_temporary_key_signs_its_two_headers() -> None:
    headers = make({"MediaId": "m"}, STS).headers

    assert headers["x-acs-accesskey-id"] == "testid"
    assert headers["x-acs-security-token"] == "sts-token"
    assert ";x-acs-security-token;" in headers["Authorization"]
    assert headers["Authorization"].count("x-acs-accesskey-id") == 1


def test_the_same_arguments_make_the_same_request() -> None:
    params = {"MediaId": "m", "UserData": '{"k":"中 +"}'}

    assert make(params) == make(dict(reversed(params.items())))
    elsewhere = AT.astimezone(timezone(timedelta(hours=8))).replace(microsecond=999_999)
    assert make(params) == make(params, at=elsewhere)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        make({"MediaId": "m"}, at=AT.replace(tzinfo=None))


def test_the_repr_shows_no_signature_and_no_token() -> None:
    text = repr(make({"MediaId": "m"}, STS))

    assert "Signature" not in text
    assert "sts-token" not in text


@given(st.dictionaries(st.sampled_from(["MediaId", "Config", "UserData"]), st.text(), min_size=1))
def test_the_query_decodes_to_what_was_signed(params: dict[str, str]) -> None:
    target = make(params).target

    assert target.isascii()
    decoded = parse_qsl(target.removeprefix("/?"), keep_blank_values=True, strict_parsing=True)
    assert dict(decoded) == params
