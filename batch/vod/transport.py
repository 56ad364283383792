"""One POST over one shared aiohttp session, and what is proven when it fails.

aiohttp re-sends a dropped request of an idempotent method by itself; a POST it sends once, so POST
is the only method here (``design.md`` 1.1).
"""

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from batch.core.classify import named_job_ids
from batch.core.outcome import Answer, InDoubt, NotSent
from batch.vod.repeats import AnswersSeen
from batch.vod.wire import SignedRequest

_HEADER_LIMIT_BYTES = 1 << 18
_MOST_HEADERS = 1000

_GAVE_UP = frozenset({408, 499, 502, 504})
"""Statuses of a server on the way that waits for an answer no longer."""

_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Refused, DNS, TLS handshake; no connection, new or pooled, in time (``design.md`` 1.3)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to get a connection, between two reads of an answer, for the whole request."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0


class _Progress:
    """How far one request got: whether it lacks a connection now, and what came of the answer."""

    __slots__ = ("body", "connecting", "line", "status")

    def __init__(self) -> None:
        self.connecting = False
        self.line: ResponseHandler | None = None
        self.status: int | None = None
        self.body = bytearray()


_sending: ContextVar[_Progress] = ContextVar("sending")


class _Connector(aiohttp.TCPConnector):
    """Keeps ``connecting`` true exactly while a request waits for or opens its connection.

    A total time-out is one bare ``TimeoutError`` wherever it strikes; this tells the phases apart.
    The proof is positive: were this never called, a failure would be in doubt, not "not sent".
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        progress = _sending.get()
        progress.connecting = True
        connection = await super().connect(req, traces, timeout)
        for _ in range(self.limit):
            if not _holds_an_answer(connection):
                break
            connection.close()
            connection = await super().connect(req, traces, timeout)
        progress.connecting = False
        progress.line = connection.protocol
        return connection


def _holds_an_answer(connection: Connection) -> bool:
    """Tell whether something came while ``connection`` lay idle.

    aiohttp would take it for the answer to the request that is sent next, and a refusal that is
    none would have a job paid twice.
    """
    protocol = connection.protocol
    return protocol is not None and protocol.should_close


class Transport:
    """An aiohttp session of at most ``pool_size`` connections to ``origin``; a context manager.

    ``keepalive`` seconds is how long an idle connection is reused: shorter than the server keeps
    it, so that a request rarely meets a connection that the server is closing.
    """

    def __init__(
        self,
        origin: str,
        *,
        timeouts: Timeouts,
        pool_size: int,
        keepalive: float,
        trust_env: bool,
    ) -> None:
        self._origin = origin
        self._timeouts = timeouts
        self._pool_size = pool_size
        self._keepalive = keepalive
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._answers = AnswersSeen()

    async def __aenter__(self) -> Self:
        secure = self._origin.startswith("https:")
        context = await asyncio.to_thread(ssl.create_default_context) if secure else True
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                limit=self._pool_size,
                keepalive_timeout=self._keepalive,
                ttl_dns_cache=60,
                ssl=context,
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total,
                connect=self._timeouts.connect,
                sock_connect=self._timeouts.connect,
                sock_read=self._timeouts.read,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
            trust_env=self._trust_env,
            # A receipt is read whatever a gateway or a proxy puts before it.
            max_line_size=_HEADER_LIMIT_BYTES,
            max_field_size=_HEADER_LIMIT_BYTES,
            max_headers=_MOST_HEADERS,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def afresh(self) -> "Transport":
        """Return a transport to the same place that shares no connection with this one."""
        return Transport(
            self._origin,
            timeouts=self._timeouts,
            pool_size=1,
            keepalive=self._keepalive,
            trust_env=self._trust_env,
        )

    async def send(self, request: SignedRequest, limit: int) -> Answer | NotSent | InDoubt:
        """Send ``request`` once and read at most ``limit`` bytes of its answer.

        Raises RuntimeError outside the context, and lets a cancellation through; every other
        failure becomes a value.
        """
        if self._session is None:
            message = "the client is used outside its 'async with'"
            raise RuntimeError(message)
        progress = _Progress()
        _sending.set(progress)
        try:
            async with self._session.post(
                URL(self._origin + request.target, encoded=True),
                headers=request.headers,
                allow_redirects=False,
            ) as response:
                progress.status = response.status
                is_whole = await _read_at_most(response, limit, progress.body)
                is_repeat = is_whole and self._answers.is_repeat(bytes(progress.body))
                if progress.line is not None and (
                    is_repeat or not _is_the_last(response.status, progress)
                ):
                    # Every later answer on it could be the one before's.
                    progress.line.close()
                headers = response.headers
        except Exception as error:
            return _failed(error, progress)
        body = bytes(progress.body)
        if not is_whole:
            reason = f"an answer of more than {limit} bytes"
            return InDoubt(reason, progress.status, job_ids=named_job_ids(body))
        if is_repeat:
            return InDoubt("the answer to an earlier request, given again", progress.status)
        return Answer(
            progress.status,
            body,
            headers.get("x-acs-retry-after"),
            headers.get("Date"),
            headers.get("Retry-After"),
        )


def _is_the_last(status: int, progress: _Progress) -> bool:
    """Tell whether nothing more can come of the request: the API itself has answered it.

    A proxy that gave up may pass the API's own answer on after its own.
    """
    return status not in _GAVE_UP and progress.body.lstrip(_BEFORE_JSON).startswith(b"{")


async def _read_at_most(response: aiohttp.ClientResponse, limit: int, body: bytearray) -> bool:
    """Read into ``body``; once it passes ``limit`` bytes, give the connection up and say no."""
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > limit:
            response.close()
            return False
    return True


def _failed(error: Exception, progress: _Progress) -> NotSent | InDoubt:
    """Say what ``error`` proves. Only a request that had no connection yet was never sent."""
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    if progress.connecting or isinstance(error, _NEVER_SENT):
        return NotSent(reason)
    return InDoubt(reason, progress.status, job_ids=named_job_ids(bytes(progress.body)))
