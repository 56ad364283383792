"""A line to PostgreSQL that a test can cut at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_BLOCK_BYTES = 65536


@dataclass
class Line:
    """Carries bytes to the server and back until told otherwise."""

    url: str = ""
    cuts: int = 0
    _swallow: bytes = b""
    _closed: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def swallow_answer_with(self, marker: str) -> None:
        """Cut the line once instead of passing on an answer that holds ``marker``."""
        self._swallow = marker.encode()

    def cut(self) -> None:
        """Cut every connection now."""
        for writer in list(self._open):
            writer.transport.abort()

    def close(self) -> None:
        """Cut every connection now, and every new one at once."""
        self._closed = True
        self.cut()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_client: bool
    ) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(_BLOCK_BYTES):
                if to_client and self._swallow and self._swallow in block:
                    self._swallow = b""
                    self.cuts += 1
                    writer.transport.abort()
                    return
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> None:
        if self._closed:
            writer.transport.abort()
            return
        from_server, to_server = await asyncio.open_unix_connection(path)
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
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """Lend a line to the server that ``url`` reaches by its socket; use its ``url`` instead."""
    line = Line()
    async with listening(url, line._serve, line.cut) as line.url:
        yield line


@asynccontextmanager
async def listening(
    url: str,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Coroutine[Any, Any, None]],
    cut: Callable[[], None],
) -> AsyncIterator[str]:
    """Lend a URL whose sessions ``serve`` is handed, with the socket of ``url``; then ``cut``."""
    parts = urlsplit(url)
    path = parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432"
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer, path)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        listener.close()
        cut()
        await asyncio.gather(*tasks, return_exceptions=True)
