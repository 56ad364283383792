"""A TCP proxy that cuts, stalls and swallows, between the worker and what it talks to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_BLOCK_BYTES = 65536


@dataclass
class Proxy:
    """Carries bytes both ways until told otherwise; ``url`` leads through it.

    ``gate`` is awaited with every block on its way to the server, before it goes on.
    """

    url: str = ""
    gate: Callable[[bytes], Awaitable[None]] | None = None
    connections: int = 0
    _target: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] | None = (
        None
    )
    _to_server: asyncio.Event = field(default_factory=asyncio.Event)
    _to_client: asyncio.Event = field(default_factory=asyncio.Event)
    _hole: bool = False
    _closed: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Let everything through at first."""
        self.resume()

    def lead_to(self, url: str) -> None:
        """Lead what comes from now on to the PostgreSQL at ``url``, as a virtual address does."""
        path = _socket_of(url)
        self._target = lambda: asyncio.open_unix_connection(path)

    def cut(self) -> None:
        """End every connection now; new ones are carried."""
        for writer in list(self._open):
            writer.transport.abort()

    def stall(self, *, requests: bool = True, answers: bool = True) -> None:
        """Keep bytes back, of one direction or of both, without losing any."""
        if requests:
            self._to_server.clear()
        if answers:
            self._to_client.clear()

    def black_hole(self) -> None:
        """Take every byte and pass none on, old connections and new ones alike."""
        self._hole = True

    def close(self) -> None:
        """Cut every connection, and each new one at once."""
        self._closed = True
        self.cut()

    def resume(self) -> None:
        """Carry bytes again; what was stalled goes on, what was swallowed is gone."""
        self._hole = self._closed = False
        self._to_server.set()
        self._to_client.set()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_client: bool
    ) -> None:
        passing = self._to_client if to_client else self._to_server
        with suppress(ConnectionError):
            while block := await reader.read(_BLOCK_BYTES):
                if self.gate and not to_client:
                    await self.gate(block)
                await passing.wait()
                if self._hole:
                    continue
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._closed:
            writer.transport.abort()
            return
        assert self._target
        try:
            from_server, to_server = await self._target()
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, to_server}
        self._open |= ends
        try:
            await asyncio.gather(
                self._carry(reader, to_server, to_client=False),
                self._carry(from_server, writer, to_client=True),
            )
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()


def _socket_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0] + "/.s.PGSQL.5432"


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """Lend a proxy to the HTTP or PostgreSQL server at ``url``; use its ``url`` instead."""
    parts = urlsplit(url)
    proxy = Proxy()
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(proxy._serve(reader, writer)))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    if parts.scheme == "http":
        proxy._target = lambda: asyncio.open_connection(parts.hostname, parts.port)
        proxy.url = f"http://127.0.0.1:{port}"
    else:
        proxy.lead_to(url)
        proxy.url = f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable"
    try:
        yield proxy
    finally:
        listener.close()
        proxy.resume()
        proxy.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
