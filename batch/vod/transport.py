"""One POST over one shared aiohttp session, and what is proven when it fails.

aiohttp re-sends a dropped request of an idempotent method by itself; a POST it sends once, so POST
is the only method here (``design.md`` 1.1).
"""

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from batch.core.classify import named_job_ids
from batch.core.outcome import Answer, InDoubt, NotSent
from batch.errors import VodBatchError
from batch.vod.proxy import Proxy
from batch.vod.repeats import AnswersSeen
from batch.vod.wire import SignedRequest

_HEADER_LIMIT_BYTES = 1 << 18
_MOST_HEADERS = 1000
_MOST_LOST_CONNECTIONS = 3
_ASKS_WHO = 407

_GAVE_UP = frozenset({408, 499})
"""Below 500, and yet from a server on the way that waits for an answer no longer."""

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Refused, DNS, TLS handshake; no connection, new or pooled, in time (``design.md`` 1.3)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to get a connection, between two reads of an answer, for the whole request."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0


class HeldBackError(Exception):
    """The request is not to be sent after all; the text says why."""


class Departure(Protocol):
    """What a request waits for on its way out."""

    async def near(self) -> None:
        """Return once it is worth while to open a connection. Raises HeldBackError."""

    async def leave(self) -> None:
        """Return at the moment at which the request may leave. Raises HeldBackError."""


class AtOnce:
    """The departure of what waits for nothing."""

    async def near(self) -> None:
        """Be near."""

    async def leave(self) -> None:
        """Leave."""


class _Progress:
    """How far one request got: whether it lacks a connection now, and what came of the answer."""

    __slots__ = (
        "body", "connecting", "departure", "is_fit", "protocol", "status", "total", "until",
    )  # fmt: skip

    def __init__(
        self,
        departure: Departure = AtOnce(),  # noqa: B008 - it keeps nothing
        total: float = 30.0,
        until: asyncio.Timeout | None = None,
    ) -> None:
        self.departure = departure
        self.total = total
        self.until = until
        self.connecting = False
        self.status: int | None = None
        self.body = bytearray()
        self.protocol: ResponseHandler | None = None
        self.is_fit = False

    async def may_leave(self) -> None:
        """Wait for the departure, outside the total time-out, which begins anew with it."""
        self._set_total(None)
        await self.departure.leave()
        self._set_total(asyncio.get_running_loop().time() + self.total)

    async def is_near(self) -> None:
        """Wait until a connection is worth while, outside the total time-out too."""
        self._set_total(None)
        await self.departure.near()
        self._set_total(asyncio.get_running_loop().time() + self.total)

    def _set_total(self, at: float | None) -> None:
        if self.until is not None:
            self.until.reschedule(at)


_sending: ContextVar[_Progress] = ContextVar("sending")


class _Connector(aiohttp.TCPConnector):
    """Connects first, lets the request depart then, and has its answer judged before another one.

    Keeps ``connecting`` true exactly while a request waits for or opens its connection, or waits
    with it for its departure. A total time-out is one bare ``TimeoutError`` wherever it strikes;
    this tells the phases apart. The proof is positive: were this never called, a failure would be
    in doubt, not "not sent".
    """

    def __init__(self, *, keepalive: float, **settings: Any) -> None:
        super().__init__(keepalive_timeout=keepalive, **settings)
        self._longest_hold = keepalive
        self._unjudged: dict[ResponseHandler, ConnectionKey | None] = {}

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        progress = _sending.get()
        progress.connecting = True
        for _ in range(_MOST_LOST_CONNECTIONS):
            connection = await self._ready_to_leave(progress, req, traces, timeout)
            if (protocol := connection.protocol) is not None and _is_usable(connection):
                self._unjudged[protocol] = None
                progress.protocol = protocol
                progress.connecting = False
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("each connection was closed before its request left")

    async def _ready_to_leave(
        self,
        progress: _Progress,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        """Open a connection and wait for the departure; one held too long is opened anew."""
        while True:
            await progress.is_near()
            connection = await self._open(req, traces, timeout)
            try:
                async with asyncio.timeout(self._longest_hold):
                    await progress.may_leave()
            except TimeoutError:
                connection.close()
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    async def _open(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection, an idle one where there is one that nothing came on."""
        connection = await super().connect(req, traces, timeout)
        for _ in range(self.limit):
            if _is_usable(connection):
                break
            connection.close()
            connection = await super().connect(req, traces, timeout)
        return connection

    def _release(
        self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False
    ) -> None:
        """Keep a connection whose answer came whole until the answer is judged."""
        if protocol in self._unjudged and not should_close:
            self._unjudged[protocol] = key
            return
        self._unjudged.pop(protocol, None)
        super()._release(key, protocol, should_close=should_close)

    def judge(self, protocol: ResponseHandler, *, is_fit: bool) -> None:
        """Let a connection be used again, or close it."""
        if not is_fit:
            protocol.force_close()
        key = self._unjudged.pop(protocol, None)
        if key is not None:
            super()._release(key, protocol)


def _is_usable(connection: Connection) -> bool:
    """Tell whether ``connection`` is open, and nothing came on it while it lay idle.

    aiohttp would take that for the answer to the request that is sent next, and a refusal that is
    none would have a job paid twice.
    """
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close


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
        proxy: Proxy | None,
    ) -> None:
        self._origin = origin
        self._timeouts = timeouts
        self._pool_size = pool_size
        self._keepalive = keepalive
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._connector: _Connector | None = None
        self._answers = AnswersSeen()

    async def __aenter__(self) -> Self:
        secure = self._origin.startswith("https:")
        context = await asyncio.to_thread(ssl.create_default_context) if secure else True
        self._connector = _Connector(
            limit=self._pool_size, keepalive=self._keepalive, ttl_dns_cache=60, ssl=context
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(
                total=None,  # see send(): the wait for the departure is not a part of it
                connect=self._timeouts.connect,
                sock_connect=self._timeouts.connect,
                sock_read=self._timeouts.read,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
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
            proxy=self._proxy,
        )

    async def send(
        self, request: SignedRequest, limit: int, departure: Departure | None = None
    ) -> Answer | NotSent | InDoubt:
        """Send ``request`` once and read at most ``limit`` bytes of its answer.

        It departs with its connection open, which then goes back to the pool only if the answer is
        the API's own. Raises RuntimeError outside the context and the VodBatchError of a
        departure, and lets a cancellation through; every other failure becomes a value.
        """
        if self._session is None:
            message = "the client is used outside its 'async with'"
            raise RuntimeError(message)
        total = self._timeouts.total
        progress = _Progress(departure or AtOnce(), total)
        _sending.set(progress)
        try:
            async with asyncio.timeout(total) as progress.until:
                return await self._post(request, limit, progress)
        except HeldBackError as error:
            return NotSent(str(error), held_back=True)
        except VodBatchError:  # of its departure
            raise
        except Exception as error:
            return _failed(error, progress, self._proxy)
        finally:
            if progress.protocol is not None and self._connector is not None:
                self._connector.judge(progress.protocol, is_fit=progress.is_fit)

    async def _post(
        self, request: SignedRequest, limit: int, progress: _Progress
    ) -> Answer | InDoubt:
        assert self._session is not None
        async with self._session.post(
            URL(self._origin + request.target, encoded=True),
            headers=request.headers,
            allow_redirects=False,
            proxy=self._proxy.url if self._proxy else None,
        ) as response:
            progress.status = status = response.status
            is_whole = await _read_at_most(response, limit, progress.body)
            headers = response.headers
        body = bytes(progress.body)
        if not is_whole:
            reason = f"an answer of more than {limit} bytes"
            return InDoubt(reason, progress.status, job_ids=named_job_ids(body))
        if progress.protocol is not None and len(progress.protocol):
            return InDoubt("two answers to one request", status, job_ids=named_job_ids(body))
        if self._answers.is_repeat(body):
            return InDoubt("the answer to an earlier request, given again", progress.status)
        progress.is_fit = _is_the_apis_own(status, body)
        return Answer(
            progress.status,
            body,
            headers.get("x-acs-retry-after"),
            headers.get("Date"),
            headers.get("Retry-After"),
        )


def _is_the_apis_own(status: int, body: bytes) -> bool:
    """Judge whether another request may follow on the connection of this whole answer.

    A server that gave up, or a box on the way that answers in its place, may send the true answer
    later; it would be taken for the next request's.
    """
    has_given_up = status >= 500 or status in _GAVE_UP
    return not has_given_up and body[:1] == b"{" and b'"RequestId"' in body


async def _read_at_most(response: aiohttp.ClientResponse, limit: int, body: bytearray) -> bool:
    """Read into ``body``; once it passes ``limit`` bytes, give the connection up and say no."""
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > limit:
            response.close()
            return False
    return True


def _failed(error: Exception, progress: _Progress, proxy: Proxy | None) -> NotSent | InDoubt:
    """Say what ``error`` proves. Only a request that had no connection yet was never sent.

    What a proxy says to CONNECT comes before that: the request was still here.
    """
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    if proxy is not None:
        reason = _told_of(proxy, error) or proxy.hide(reason)
    if progress.connecting or isinstance(error, _NEVER_SENT):
        return NotSent(reason)
    return InDoubt(reason, progress.status, job_ids=named_job_ids(bytes(progress.body)))


def _told_of(proxy: Proxy, error: Exception) -> str | None:
    """Say what a proxy did, without what its URL may hold of a password."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"no connection to the proxy {proxy.shown} of {proxy.variable}: {error.os_error}"
    if not isinstance(error, aiohttp.ClientHttpProxyError):
        return None
    told = f"the proxy {proxy.shown} of {proxy.variable} answers HTTP {error.status}"
    if error.status == _ASKS_WHO:
        return f"{told}: it wants name and password, as in http://name:password@host:port"
    return told
