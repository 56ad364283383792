"""How a request leaves: with its connection open, at its moment, and its answer judged after it."""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

_MOST_LOST_CONNECTIONS = 3


class NotDepartedError(Exception):
    """The request is not to be sent after all; the text says why."""


class Departure(Protocol):
    """What a request waits for on its way out."""

    async def near(self) -> None:
        """Return once it is worth while to open a connection. Raises NotDepartedError."""

    async def leave(self) -> None:
        """Return at the moment at which the request may leave. Raises NotDepartedError."""


class AtOnce:
    """The departure of what waits for nothing."""

    async def near(self) -> None:
        """Be near."""

    async def leave(self) -> None:
        """Leave."""


@dataclass(slots=True, eq=False)
class Progress:
    """How far one request got: whether it lacks a connection now, and what came of the answer.

    ``total`` is its time-out in seconds, ``until`` that time-out at work.
    """

    departure: Departure = field(default_factory=AtOnce)
    total: float = 30.0
    until: asyncio.Timeout | None = None
    connecting: bool = False
    status: int | None = None
    body: bytearray = field(default_factory=bytearray)
    protocol: ResponseHandler | None = None
    is_fit: bool = False

    async def untimed(self, wait: Awaitable[None]) -> None:
        """Await a moment of the departure outside the total time-out, which then begins anew."""
        self._set_total(None)
        await wait
        self._set_total(asyncio.get_running_loop().time() + self.total)

    def _set_total(self, at: float | None) -> None:
        if self.until is not None:
            self.until.reschedule(at)


sending: ContextVar[Progress] = ContextVar("sending")


class Connector(aiohttp.TCPConnector):
    """Connects first, lets the request depart then, and has its answer judged before another one.

    Keeps ``connecting`` true exactly while a request waits for or opens its connection, or waits
    with it for its departure. A total time-out is one bare ``TimeoutError`` wherever it strikes;
    this separates the phases. The proof is positive: were this never called, a failure would be
    in doubt, not "not sent".
    """

    def __init__(self, *, keepalive: float, **settings: Any) -> None:
        super().__init__(keepalive_timeout=keepalive, **settings)
        self._longest_hold = keepalive
        self._unjudged: dict[ResponseHandler, ConnectionKey | None] = {}

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Open or reuse a connection, then wait for the departure of the request on it."""
        progress = sending.get()
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
        progress: Progress,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        """Open a connection and wait for the departure; one that waited too long is opened anew."""
        while True:
            await progress.untimed(progress.departure.near())
            connection = await self._open(req, traces, timeout)
            try:
                async with asyncio.timeout(self._longest_hold):
                    await progress.untimed(progress.departure.leave())
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
    """Return whether ``connection`` is open, and nothing came on it while it lay idle.

    aiohttp would take that for the answer to the request that is sent next, and a refusal that is
    none would have a job paid twice.
    """
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close
