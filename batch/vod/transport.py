"""One POST over one shared aiohttp session, and what is proven when it fails.

aiohttp re-sends a dropped request of an idempotent method by itself; a POST it sends once, so POST
is the only method here.
"""

import asyncio
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from batch.core.classify import named_job_ids
from batch.core.outcome import Answer, InDoubt, NotSent
from batch.errors import VodBatchError
from batch.vod.connector import AtOnce, Connector, Departure, NotDepartedError, Progress, sending
from batch.vod.proxy import Proxy
from batch.vod.repeats import AnswersSeen
from batch.vod.wire import SignedRequest

_HEADER_LIMIT_BYTES = 1 << 18
_MOST_HEADERS = 1000
_ASKS_WHO = 407

_GAVE_UP = frozenset({408, 499})
"""Below 500, and yet from a server on the way that waits for an answer no longer."""

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Refused, DNS, TLS handshake; no connection, new or pooled, in time. Measured: nothing is sent."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to get a connection, between two reads of an answer, for the whole request."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0


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
        self._connector: Connector | None = None
        self._answers = AnswersSeen()

    async def __aenter__(self) -> Self:
        secure = self._origin.startswith("https:")
        context = await asyncio.to_thread(ssl.create_default_context) if secure else True
        self._connector = Connector(
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
        progress = Progress(departure or AtOnce(), total)
        sending.set(progress)
        try:
            async with asyncio.timeout(total) as progress.until:
                return await self._post(request, limit, progress)
        except NotDepartedError as error:
            return NotSent(str(error), by_choice=True)
        except VodBatchError:  # of its departure
            raise
        except Exception as error:
            return _failed(error, progress, self._proxy)
        finally:
            if progress.protocol is not None and self._connector is not None:
                self._connector.judge(progress.protocol, is_fit=progress.is_fit)

    async def _post(
        self, request: SignedRequest, limit: int, progress: Progress
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


def _failed(error: Exception, progress: Progress, proxy: Proxy | None) -> NotSent | InDoubt:
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
    text = f"the proxy {proxy.shown} of {proxy.variable} answers HTTP {error.status}"
    if error.status == _ASKS_WHO:
        return f"{text}: it wants name and password, as in http://name:password@host:port"
    return text
