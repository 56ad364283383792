"""Each way a request can fail: what the server counted, and what the client concluded."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.core.outcome import Accepted, InDoubt, NotSent, Refused, Throttled
from batch.vod.client import SUBMIT_LIMIT_BYTES, VodClient
from batch.vod.connector import NotDepartedError, Progress, sending
from batch.vod.credentials import Credentials, CredentialSource
from batch.vod.transport import Timeouts

LONG = 30.0
SHORT = 0.3
DEFAULT = Timeouts()
CLAIM = Claim(
    "m1",
    None,
    None,
    "0123456789abcdef0123456789abcdef",
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    (ClaimedSubmission(1, 1, JobType.MEDIA_DNA, 0),),
)
BODY = b'{"AIJobList":{"AIJob":[{"JobId":"j1","Type":"AIMediaDNA","MediaId":"m1"}]}}'
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def done(request_id: int) -> bytes:
    """Answer with a job, under a RequestId of its own, as the API does."""
    return http(b'{"RequestId":"R%d",%s' % (request_id, BODY[1:]))


REFUSAL = b'{"Code":"Throttling.User","Message":"denied"}'
THROTTLED = b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(REFUSAL), REFUSAL)


@dataclass
class Server:
    """A listening socket; ``behave`` is run once for each request it received whole."""

    behave: "Behaviour"
    requests: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    connections: int = 0
    tasks: "set[asyncio.Task[None] | None]" = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.arrived.set()
                await self.behave(self, writer)
        writer.close()


Behaviour = Callable[[Server, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(behave)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.release.set()
        listener.close()
        await asyncio.gather(*(task for task in server.tasks if task), return_exceptions=True)


def client_of(
    port: int,
    timeouts: Timeouts = DEFAULT,
    *,
    scheme: str = "http",
    pool_size: int = 4,
    keepalive: float = 4.0,
) -> VodClient:
    source = CredentialSource(lambda: Credentials("testid", "testsecret"))
    endpoint = f"{scheme}://127.0.0.1:{port}"
    return VodClient(endpoint, source, timeouts=timeouts, pool_size=pool_size, keepalive=keepalive)


async def succeed(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(done(len(server.requests)))


async def drop(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(server: Server, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


async def hang(server: Server, writer: asyncio.StreamWriter) -> None:
    await server.release.wait()
    writer.close()


async def cut_after_200(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(DONE[:-10])
    writer.close()


async def stall_after_200(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(DONE[:-10])
    await hang(server, writer)


async def oversize(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * SUBMIT_LIMIT_BYTES + BODY)
    writer.close()


async def html_502(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>")


async def nonsense(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("behave", "timeouts", "status"),
    [
        pytest.param(drop, DEFAULT, None, id="drop"),
        pytest.param(reset, DEFAULT, None, id="reset"),
        pytest.param(hang, Timeouts(LONG, SHORT, LONG), None, id="read time-out"),
        pytest.param(hang, Timeouts(LONG, LONG, SHORT), None, id="total time-out"),
        pytest.param(cut_after_200, DEFAULT, 200, id="cut after 200"),
        pytest.param(stall_after_200, Timeouts(LONG, SHORT, LONG), 200, id="stall after 200"),
        pytest.param(stall_after_200, Timeouts(LONG, LONG, SHORT), 200, id="total after 200"),
        pytest.param(oversize, DEFAULT, 200, id="oversize"),
        pytest.param(html_502, DEFAULT, 502, id="html 502"),
        pytest.param(nonsense, DEFAULT, None, id="not http"),
    ],
)
async def test_a_request_that_arrived_is_in_doubt_and_sent_once(
    behave: Behaviour, timeouts: Timeouts, status: int | None
) -> None:
    async with serving(behave) as server, client_of(server.port, timeouts) as client:
        outcome = await client.submit(CLAIM)

        assert isinstance(outcome, InDoubt)
        assert outcome.http_status == status
        assert len(server.requests) == 1
        assert "Signature" not in repr(outcome)


@pytest.mark.parametrize(
    ("behave", "timeouts"),
    [
        pytest.param(cut_after_200, DEFAULT, id="cut"),
        pytest.param(stall_after_200, Timeouts(LONG, SHORT, LONG), id="stalled"),
    ],
)
async def test_a_job_id_in_half_an_answer_is_kept(behave: Behaviour, timeouts: Timeouts) -> None:
    async with serving(behave) as server, client_of(server.port, timeouts) as client:
        outcome = await client.submit(CLAIM)

        assert isinstance(outcome, InDoubt)
        assert outcome.job_ids == ("j1",)


@pytest.mark.parametrize("fault", [drop, reset])
async def test_a_kept_connection_that_fails_is_not_tried_again(fault: Behaviour) -> None:
    async def first_succeeds(server: Server, writer: asyncio.StreamWriter) -> None:
        await (succeed if len(server.requests) == 1 else fault)(server, writer)

    async with serving(first_succeeds) as server, client_of(server.port) as client:
        first, second = await client.submit(CLAIM), await client.submit(CLAIM)

        assert isinstance(first, Accepted)
        assert isinstance(second, InDoubt)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (b"504 Gateway Time-out", b"<html></html>"),
        (b"504 Gateway Time-out", b'{"Code": "GatewayTimeout"}'),
        (b"200 OK", b"please wait"),
        (b"408 Request Timeout", b""),
    ],
)
async def test_an_answer_after_a_proxys_own_is_not_the_next_requests(
    status: bytes, body: bytes
) -> None:
    """The proxy gave up, and passes on what comes late: it would be taken for the next one's."""

    lines: set[asyncio.StreamWriter] = set()

    async def answer_late(server: Server, writer: asyncio.StreamWriter) -> None:
        proxys_own = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
        writer.write((THROTTLED if writer in lines else DONE) if lines else proxys_own)
        lines.add(writer)

    async with serving(answer_late) as server, client_of(server.port) as client:
        first, second = await client.submit(CLAIM), await client.submit(CLAIM)

    assert isinstance(first, InDoubt)
    assert isinstance(second, Accepted)
    assert len(lines) == 2, "what comes late comes on a line that nobody listens to"


async def test_a_refusal_with_another_answer_behind_it_proves_nothing() -> None:
    """Both came at once, and which of them is the request's own nobody can tell."""

    async def answer_twice(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(THROTTLED + DONE)

    async with serving(answer_twice) as server, client_of(server.port) as client:
        outcomes = [await client.submit(CLAIM) for _ in range(3)]

    assert all(isinstance(outcome, InDoubt) for outcome in outcomes)


async def test_a_server_that_closes_after_each_answer() -> None:
    async def succeed_and_close(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(DONE)
        writer.close()

    async with serving(succeed_and_close) as server, client_of(server.port) as client:
        outcomes = [await client.submit(CLAIM) for _ in range(20)]

        assert isinstance(outcomes[0], Accepted)
        assert not any(isinstance(outcome, NotSent) for outcome in outcomes)
        accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
        assert accepted <= len(server.requests) <= len(outcomes)


async def test_a_refused_port_is_not_sent(closed_port: int) -> None:
    async with client_of(closed_port) as client:
        assert isinstance(await client.submit(CLAIM), NotSent)


async def test_an_unknown_host_is_not_sent() -> None:
    source = CredentialSource(lambda: Credentials("testid", "testsecret"))
    async with VodClient("http://name.invalid", source) as client:
        assert isinstance(await client.submit(CLAIM), NotSent)


@pytest.mark.parametrize("timeouts", [Timeouts(SHORT, LONG, LONG), Timeouts(LONG, LONG, SHORT)])
async def test_a_connection_that_never_opens_is_not_sent(timeouts: Timeouts) -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        try:
            for each in crowd:  # fill the queue of connections that nobody accepts
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            async with client_of(listener.getsockname()[1], timeouts) as client:
                assert isinstance(await client.submit(CLAIM), NotSent)
        finally:
            for each in crowd:
                each.close()


@pytest.mark.parametrize("timeouts", [Timeouts(SHORT, LONG, LONG), Timeouts(LONG, LONG, SHORT)])
async def test_waiting_for_a_pooled_connection_is_not_sent(timeouts: Timeouts) -> None:
    async with (
        serving(hang) as server,
        client_of(server.port, timeouts, pool_size=1) as client,
        asyncio.TaskGroup() as group,
    ):
        holder = group.create_task(hold_the_only_connection(client, server.port))
        await server.arrived.wait()

        assert isinstance(await client.submit(CLAIM), NotSent)
        assert len(server.requests) == 1
        assert not holder.done()
        server.release.set()


async def hold_the_only_connection(client: VodClient, port: int) -> None:
    """Make a request in the client's own session that outlives the client's time-outs."""
    session = client.transport._session
    assert session is not None
    sending.set(Progress())
    with suppress(aiohttp.ServerDisconnectedError):
        await session.post(f"http://127.0.0.1:{port}/", timeout=aiohttp.ClientTimeout(total=LONG))


async def test_a_tls_handshake_that_hangs_is_not_sent() -> None:
    async with (
        serving(hang) as server,
        client_of(server.port, Timeouts(LONG, LONG, SHORT), scheme="https") as client,
    ):
        assert isinstance(await client.submit(CLAIM), NotSent)
        assert server.requests == []


async def test_a_cancelled_submit_stays_cancelled() -> None:
    async with serving(hang) as server, client_of(server.port) as client:
        task = asyncio.create_task(client.submit(CLAIM))
        await server.arrived.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(server.requests) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "server.pem"
    path.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize("trusted", [False, True])
async def test_tls_is_verified(
    certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async with (
        serving(succeed, tls=context) as server,
        client_of(server.port, scheme="https") as client,
    ):
        outcome = await client.submit(CLAIM)

        assert isinstance(outcome, Accepted if trusted else NotSent)
        assert len(server.requests) == int(trusted)


async def test_a_certificate_for_another_name_is_not_sent(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    source = CredentialSource(lambda: Credentials("testid", "testsecret"))

    async with (
        serving(succeed, tls=context) as server,
        VodClient(f"https://localhost:{server.port}", source) as client,
    ):
        assert isinstance(await client.submit(CLAIM), NotSent)
        assert server.requests == []


async def test_what_came_on_an_idle_connection_answers_no_request() -> None:
    """A second answer to the last request is not the next one's: a refusal would send it again."""
    stray = asyncio.Event()

    async def answer_the_first_twice(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(done(len(server.requests)))
        if len(server.requests) > 1:
            return
        await stray.wait()
        writer.write(THROTTLED)
        await writer.drain()

    async with serving(answer_the_first_twice) as server, client_of(server.port) as client:
        assert isinstance(await client.submit(CLAIM), Accepted)
        [protocol] = _idle(client)
        stray.set()
        while not protocol.should_close:  # noqa: ASYNC110 - aiohttp tells nobody that it came
            await asyncio.sleep(0)
        assert isinstance(await client.submit(CLAIM), Accepted)
        assert len(server.requests) == 2


UNFIT = {
    "408": http(b'{"RequestId":"R","Code":"RequestTimeout","Message":""}', b"408 Late"),
    "503": http(b'{"RequestId":"R","Code":"ServiceUnavailable","Message":""}', b"503 Ill"),
    "504 page": http(b"<html></html>", b"504 Late"),
    "200 page": http(b"<html>sign in</html>"),
    "other JSON": http(b'{"status":"late"}', b"400 Bad"),
    "empty": http(b""),
}


@pytest.mark.parametrize("answer", UNFIT.values(), ids=UNFIT.keys())
async def test_an_answer_that_is_not_the_apis_own_ends_its_connection(answer: bytes) -> None:
    """The true one may come later on it, and would be taken for the next request's."""

    async def answer_first_unfit(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(answer if len(server.requests) == 1 else done(2))

    async with serving(answer_first_unfit) as server, client_of(server.port) as client:
        assert isinstance(await client.submit(CLAIM), InDoubt | Refused)
        assert _idle(client) == []
        assert isinstance(await client.submit(CLAIM), Accepted)
        assert server.connections == 2


async def test_an_answer_that_comes_again_later_is_not_the_next_ones() -> None:
    """A refusal once more, after the next request was sent: it would be sent and paid again."""
    name = b"0A1B2C3D-0000-4000-8000-0123456789AB"
    body = b'{"RequestId":"%b","Code":"Throttling.User","Message":""}' % name
    refusal = http(body, b"400 Bad")

    async def refuse_twice(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(refusal)  # the second one executes, and is answered by the first's answer

    async with serving(refuse_twice) as server, client_of(server.port) as client:
        assert isinstance(await client.submit(CLAIM), Throttled)
        outcome = await client.submit(CLAIM)
        assert isinstance(outcome, InDoubt)
        assert "given again" in outcome.reason
        assert server.connections == 1
        assert _idle(client) == []


async def test_an_idle_connection_is_not_used_after_its_time() -> None:
    """The cloud closes idle connections; a request must not meet one that is being closed."""
    async with serving(succeed) as server, client_of(server.port, keepalive=0.05) as client:
        assert isinstance(await client.submit(CLAIM), Accepted)
        await asyncio.sleep(0.1)
        assert isinstance(await client.submit(CLAIM), Accepted)
        assert server.connections == 2


class Gate:
    """A departure that a test opens; ``refuse`` keeps the request here."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.waits = asyncio.Event()
        self.opened = asyncio.Event()
        self.refuse = refuse
        self.asked = 0

    async def near(self) -> None:
        """Be near."""

    async def leave(self) -> None:
        self.asked += 1
        self.waits.set()
        await self.opened.wait()
        if self.refuse:
            raise NotDepartedError("held back")


async def test_a_request_departs_with_its_connection_open() -> None:
    """Connect first: what opening takes must not come between the slot and the send."""
    gate = Gate()
    async with serving(succeed) as server, client_of(server.port) as client:
        sending = asyncio.create_task(client.submit(CLAIM, gate))
        await gate.waits.wait()
        while not server.connections:  # noqa: ASYNC110 - the server takes it in its own time
            await asyncio.sleep(0.001)
        assert server.requests == []
        gate.opened.set()
        assert isinstance(await sending, Accepted)


async def test_a_wait_for_the_departure_is_no_part_of_the_total_timeout() -> None:
    gate = Gate()
    timeouts = Timeouts(LONG, LONG, SHORT)
    async with serving(succeed) as server, client_of(server.port, timeouts) as client:
        sending = asyncio.create_task(client.submit(CLAIM, gate))
        await gate.waits.wait()
        await asyncio.sleep(2 * SHORT)
        gate.opened.set()
        assert isinstance(await sending, Accepted)


async def test_what_may_not_depart_was_not_sent() -> None:
    gate = Gate(refuse=True)
    gate.opened.set()
    async with serving(succeed) as server, client_of(server.port) as client:
        assert await client.submit(CLAIM, gate) == NotSent("held back", by_choice=True)
        assert server.requests == []


async def test_a_connection_held_too_long_is_opened_anew_before_the_request_leaves() -> None:
    gate = Gate()
    async with serving(succeed) as server, client_of(server.port, keepalive=0.05) as client:
        sending = asyncio.create_task(client.submit(CLAIM, gate))
        while gate.asked < 3:  # noqa: ASYNC110 - each time with another connection
            await asyncio.sleep(0.01)
        gate.opened.set()
        assert isinstance(await sending, Accepted)
        assert server.connections >= 3
        assert len(server.requests) == 1


async def test_connections_that_end_before_their_departure_carried_nothing() -> None:
    """Each is closed while its request waits: nothing of it was sent, so no doubt comes of it."""

    class Broken(Gate):
        async def leave(self) -> None:
            while len(closed) == self.asked:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.001)
            self.asked += 1
            await asyncio.sleep(0.05)

    closed: list[int] = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        closed.append(1)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listener, client_of(listener.sockets[0].getsockname()[1]) as client:
        assert isinstance(await client.submit(CLAIM, Broken()), NotSent)
    assert len(closed) == 3


def _idle(client: VodClient) -> list[ResponseHandler]:
    """Return the connections that wait for the next request."""
    session = client.transport._session
    assert session
    assert isinstance(session.connector, aiohttp.TCPConnector)
    return [protocol for kept in session.connector._conns.values() for protocol, _ in kept]
