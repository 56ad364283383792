"""The client against a real listening socket: the bytes it sends, the answers it reads."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import pytest

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    InDoubt,
    Job,
    NotSent,
    Refused,
    StopCause,
    Throttled,
)
from batch.errors import ConfigurationError, PermissionRefusedError
from batch.vod.client import VodClient
from batch.vod.credentials import Credentials, CredentialSource
from batch.vod.nonces import NONCE_REPETITIONS, is_used_nonce, repeat_a_nonce
from batch.vod.wire import CloudStatus, QueryFailed

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Credentials("testid", "testsecret")
STS = Credentials("testid", "testsecret", "sts-token", "default/env")
CLAIM = Claim(
    "m1",
    '{"AIVideoTag":{"AnalyseTypes":"ASR"}}',
    '{"Extend":{"k":"a b+c*~中"}}',
    "0123456789abcdef0123456789abcdef",
    AT,
    (ClaimedSubmission(1, 1, JobType.MEDIA_DNA, 0),),
)
DONE = {
    "RequestId": "R",
    "AIJobList": {"AIJob": [{"JobId": "j1", "MediaId": "m1", "Type": "AIMediaDNA"}]},
}

Reply = Callable[[bytes], bytes]


def answer(body: object, status: str = "200 OK", *headers: str) -> bytes:
    """Return the bytes of one HTTP answer, ``body`` as JSON."""
    text = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


class Server:
    """A bare server that keeps every request's bytes, and counts connections."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[bytes] = []
        self.connections = 0
        self.endpoint = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.reply(self.requests[-1]))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(reply: Reply | bytes) -> AsyncIterator[Server]:
    server = Server(reply if callable(reply) else lambda _: reply)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.endpoint = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        yield server


def client_of(endpoint: str, credentials: Credentials = KEY) -> VodClient:
    return VodClient(endpoint, CredentialSource(lambda: credentials))


def parse(request: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return request line, parameters and headers (names in lower case)."""
    line, *rest = request.decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in rest)}
    query = line.split(" ")[1].removeprefix("/?")
    return line, dict(parse_qsl(query, keep_blank_values=True)), headers


def expected_signature(params: dict[str, str], headers: dict[str, str], secret: str) -> str:
    """Compute the V3 signature by hand from what arrived (``vod-api.md`` 6.2)."""
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    query = "&".join(f"{key}={quote(params[key], safe='~')}" for key in sorted(params))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    canonical = "\n".join(
        ["POST", "/", query, lines, ";".join(signed), headers["x-acs-content-sha256"]]
    )
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("credentials", [KEY, STS])
async def test_the_bytes_of_a_submit(credentials: Credentials) -> None:
    async with serving(answer(DONE)) as server, client_of(server.endpoint, credentials) as client:
        outcome = await client.submit(CLAIM)

    assert outcome == Accepted("R", (Job(JobType.MEDIA_DNA, "j1"),))
    (request,) = server.requests
    line, params, headers = parse(request)
    assert line.startswith("POST /?")
    assert line.endswith(" HTTP/1.1")
    assert params == {
        "MediaId": "m1",
        "Types": "AIMediaDNA",
        "Config": CLAIM.config,
        "UserData": f'{{"Extend":{{"k":"a b+c*~中","vodBatch":"{CLAIM.nonce}"}}}}',
    }
    assert headers["host"] == server.endpoint.removeprefix("http://")
    assert headers["x-acs-signature-nonce"] == CLAIM.nonce
    assert headers["x-acs-date"] == "2026-01-02T03:04:05Z"
    assert headers["content-length"] == "0"
    signed = set(headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";"))
    assert set(headers) - signed == {"authorization", "content-length"}
    assert ("x-acs-security-token" in signed) == (credentials is STS)
    signature = headers["authorization"].rpartition("Signature=")[2]
    assert signature == expected_signature(params, headers, credentials.access_key_secret)


async def test_the_same_claim_makes_the_same_bytes_over_one_connection() -> None:
    async with serving(answer(DONE)) as server, client_of(server.endpoint) as client:
        await client.submit(CLAIM)
        await client.submit(CLAIM)

    assert server.requests[0] == server.requests[1]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "code", "header", "expected"),
    [
        ("400 Bad Request", "Throttling.User", "X-Acs-Retry-After: 1500", Throttled),
        ("404 Not Found", "InvalidVideo.NotFound", "X-A: b", Refused),
        ("403 Forbidden", "Forbidden.RAM", "X-A: b", AccountStopped),
        ("500 Internal", "InternalError", "X-A: b", InDoubt),
        ("302 Found", "Moved", "Location: /elsewhere", InDoubt),
    ],
)
async def test_each_kind_of_answer(
    status: str, code: str, header: str, expected: type[object]
) -> None:
    reply = answer({"Code": code, "Message": "m"}, status, header)
    async with serving(reply) as server, client_of(server.endpoint) as client:
        outcome = await client.submit(CLAIM)

    assert type(outcome) is expected
    assert len(server.requests) == 1
    if isinstance(outcome, Throttled):
        assert outcome.retry_after_seconds == 1.5


async def test_no_echo_reveals_a_secret() -> None:
    def echo(request: bytes) -> bytes:
        return answer({"Code": "Odd", "Message": request.decode()[-480:]}, "400 Bad Request")

    async with serving(echo) as server, client_of(server.endpoint, STS) as client:
        outcome = await client.submit(CLAIM)

    assert isinstance(outcome, Refused)
    signature = server.requests[0].decode().rpartition("Signature=")[2].rstrip()
    assert signature not in repr(outcome)
    assert "sts-token" not in repr(outcome)
    assert "***" in outcome.message


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([f"X-More-{n}: {n}" for n in range(150)], id="150 headers"),
        pytest.param([f"X-Long: {'x' * 9000}"], id="a header over 8 KB"),
        pytest.param([f"Set-Cookie: {'c' * 4000}={n}" for n in range(8)], id="32 KB of cookies"),
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
async def test_a_receipt_is_read_whatever_comes_before_it(status: str, headers: list[str]) -> None:
    reply = answer(DONE, status, *headers)
    async with serving(reply) as server, client_of(server.endpoint) as client:
        outcome = await client.submit(CLAIM)

    assert isinstance(outcome, Accepted)
    assert outcome.jobs == (Job(JobType.MEDIA_DNA, "j1"),)


@pytest.mark.parametrize("secret", ["s", "User", "Suspended", "OperationDenied.Suspended"])
async def test_a_secret_within_a_code_changes_no_meaning(secret: str) -> None:
    reply = answer({"Code": "OperationDenied.Suspended", "Message": "m"}, "403 Forbidden")
    key = Credentials("testid", secret)
    async with serving(reply) as server, client_of(server.endpoint, key) as client:
        outcome = await client.submit(CLAIM)

    assert isinstance(outcome, AccountStopped)
    assert outcome.cause is StopCause.ARREARS


async def test_a_secret_that_an_url_would_escape_is_hidden_too() -> None:
    sts = Credentials("testid", "testsecret", "tok/en+with==", "default/env")
    told = "tok%2Fen%2Bwith%3D%3D and tok/en+with=="
    reply = answer({"Code": f"Odd.{told}", "Message": told, "RequestId": told}, "400 Bad Request")
    async with serving(reply) as server, client_of(server.endpoint, sts) as client:
        outcome = await client.submit(CLAIM)
        words = repr(list(client.unseen))

    assert isinstance(outcome, Refused)
    for text in (repr(outcome), words):
        assert "***" in text
        assert "tok" not in text


async def test_bytes_that_are_no_http_bring_no_secret_back() -> None:
    async with (
        serving(lambda request: b"HTTP/9 " + request) as server,
        client_of(server.endpoint, STS) as client,
    ):
        outcome = await client.submit(CLAIM)

    assert isinstance(outcome, InDoubt)
    signature = server.requests[0].decode().rpartition("Signature=")[2].strip()
    assert signature not in outcome.reason
    assert "sts-token" not in outcome.reason


@pytest.mark.parametrize(
    ("body", "status", "seen"),
    [
        ({"Code": "Brand.New"}, "400 Bad Request", [("Code", "Brand.New")]),
        ({"Code": "Brand.New"}, "500 Error", [("Code", "Brand.New")]),
        ({"Code": "InvalidParameter"}, "400 Bad Request", []),
        ({"Code": "InternalError"}, "500 Error", []),
        ({"Code": "InvalidParameter"}, "418 Teapot", [("HTTP status", "418")]),
        (DONE, "200 OK", []),
        (DONE, "201 Created", [("HTTP status", "201")]),
        ({"Code": "Odd"}, "200 OK", [
            ("Code", "Odd"), ("body", "HTTP 200 without an AIJob entry"),
        ]),
        ({"AIJobList": {"AIJob": [{"JobId": "j", "Type": "AIVideoFPShot"}]}}, "200 OK", [
            ("Type", "AIVideoFPShot"),
        ]),
        ([], "403 Forbidden", [("body", "HTTP 403 without the JSON of this API")]),
    ],
)  # fmt: skip
async def test_what_nobody_knows_is_counted(
    body: object, status: str, seen: list[tuple[str, str]]
) -> None:
    async with serving(answer(body, status)) as server, client_of(server.endpoint) as client:
        await client.submit(CLAIM)
        await client.submit(CLAIM)
        words = client.unseen.take()

    assert [(word.action, word.example, word.times) for word in words] == [
        ("SubmitAIJob", "m1", 2)
    ] * len(seen)
    assert [(word.field, word.word) for word in words] == seen


async def test_what_nobody_knows_in_a_query_is_counted() -> None:
    reply = answer({"Code": "Brand.New"}, "400 Bad Request")
    async with serving(reply) as server, client_of(server.endpoint) as client:
        with pytest.raises(QueryFailed):
            await client.list_job_infos("m1")
        [word] = client.unseen.take()

    assert (word.action, word.field, word.word) == ("ListJobInfo", "Code", "Brand.New")
    assert word.example == "m1"


async def test_a_request_that_cannot_be_encoded_is_not_sent() -> None:
    claim = Claim("m\ud800", None, None, CLAIM.nonce, AT, CLAIM.members)
    async with serving(answer(DONE)) as server, client_of(server.endpoint) as client:
        outcome = await client.submit(claim)

    assert isinstance(outcome, NotSent)
    assert server.requests == []


async def test_without_credentials_nothing_is_sent() -> None:
    def fail() -> Credentials:
        raise RuntimeError

    async with (
        serving(answer(DONE)) as server,
        VodClient(server.endpoint, CredentialSource(fail)) as client,
    ):
        with pytest.raises(PermissionRefusedError):
            await client.submit(CLAIM)

    assert server.connections == 0


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
async def test_the_clock_of_the_server_is_measured(zone: str) -> None:
    reply = answer(DONE, "200 OK", f"Date: Fri, 02 Jan 2026 03:05:05 {zone}")
    async with (
        serving(reply) as server,
        VodClient(server.endpoint, CredentialSource(lambda: KEY), now=lambda: AT) as client,
    ):
        assert client.clock_skew is None
        await client.submit(CLAIM)
        assert client.clock_skew == timedelta(minutes=1)


async def test_a_senseless_date_measures_nothing() -> None:
    async with (
        serving(answer(DONE, "200 OK", "Date: yesterday")) as server,
        client_of(server.endpoint) as client,
    ):
        await client.submit(CLAIM)
        assert client.clock_skew is None


async def test_list_ai_jobs() -> None:
    page = {
        "RequestId": "R",
        "AIJobList": {"AIJob": [{"JobId": "j1", "Status": "fail", "Code": "X"}]},
        "NonExistAIJobIds": {"String": '["j2"]'},
    }
    async with serving(answer(page)) as server, client_of(server.endpoint) as client:
        found = await client.list_ai_jobs(["j1", "j2"])
        await client.list_ai_jobs(["j1"])
        assert (await client.list_ai_jobs([])).jobs == ()
        with pytest.raises(ValueError, match="at most 10"):
            await client.list_ai_jobs(["j"] * 11)

    assert [job.status for job in found.jobs] == [CloudStatus.FAIL]
    assert found.unknown_ids == ("j2",)
    first, second = (parse(request) for request in server.requests)
    assert first[1] == {"JobIds": "j1,j2"}
    assert first[0].startswith("POST ")
    assert first[2]["x-acs-action"] == "ListAIJob"
    assert first[2]["x-acs-signature-nonce"] != second[2]["x-acs-signature-nonce"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer({"Code": "Throttling.User"}, "400 Bad Request"), Throttled),
        (answer({"Code": "InternalError"}, "500 Internal"), InDoubt),
        (answer({"Code": "Forbidden"}, "403 Forbidden"), AccountStopped),
        (answer({"Code": "InvalidParameter"}, "400 Bad Request"), Refused),
        (answer([]), InDoubt),
        (answer({}), InDoubt),
    ],
)
async def test_a_query_that_fails(reply: bytes, expected: type[object]) -> None:
    async with serving(reply) as server, client_of(server.endpoint) as client:
        with pytest.raises(QueryFailed) as caught:
            await client.list_ai_jobs(["j1"])

    assert type(caught.value.outcome) is expected


async def test_a_query_that_was_not_sent() -> None:
    async with serving(b"") as server:
        closed = server.endpoint
    async with client_of(closed) as client:
        with pytest.raises(QueryFailed) as caught:
            await client.list_ai_jobs(["j1"])

    assert isinstance(caught.value.outcome, NotSent)


@pytest.mark.parametrize(
    "endpoint",
    ["", "vod.cn-shanghai.aliyuncs.com", "ftp://h", "http://", "http://h/path", "http://h?q=1",
     "http://user@h", "http://h:port", "http://h:99999"],
)  # fmt: skip
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="scheme and a host"):
        client_of(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://VOD.example.com:443/", "vod.example.com"),
        ("http://127.0.0.1:8808", "127.0.0.1:8808"),
        ("http://[::1]:8808", "[::1]:8808"),
        ("https://h:80", "h:80"),
    ],
)
def test_the_host_header_names_a_port_only_when_unusual(endpoint: str, host: str) -> None:
    assert client_of(endpoint)._host == host


async def test_outside_its_context_the_client_refuses() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await client_of("http://127.0.0.1:9").submit(CLAIM)


async def test_a_claim_is_signed_with_its_own_key_or_not_sent() -> None:
    """A key that was rotated meanwhile signs nothing that was begun under the one before."""
    async with serving(answer(DONE)) as server, client_of(server.endpoint) as client:
        other = await client.submit(replace(CLAIM, access_key_id="another"))
        assert isinstance(other, NotSent)
        assert other.by_choice
        assert server.requests == []
        assert isinstance(await client.submit(replace(CLAIM, access_key_id="testid")), Accepted)


async def test_a_nonce_is_repeated_over_fresh_connections() -> None:
    """The same bytes each time, and no connection twice."""
    refusal = answer({"Code": "SignatureNonceUsed", "Message": "m"}, "400 Bad")
    known = answer({"AIJobList": {"AIJob": []}})

    def first_only(_request: bytes) -> bytes:
        return known if len(server.requests) == 1 else refusal

    async with serving(first_only) as server, client_of(server.endpoint) as client:
        outcome = await repeat_a_nonce(client)
    assert outcome is not None
    assert is_used_nonce(outcome)
    assert len(set(server.requests)) == 1
    assert server.connections == len(server.requests) == NONCE_REPETITIONS + 1
