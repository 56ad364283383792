"""Lines that take their time: to open a connection, or to bring an answer."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

Seconds = Callable[[], float]
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_BLOCK_BYTES = 65536


@dataclass
class Door:
    """Where a slow line begins, and how often it was opened."""

    url: str = ""
    opened: int = 0


@asynccontextmanager
async def slow_door(url: str, context: ssl.SSLContext, opening: Seconds) -> AsyncIterator[Door]:
    """Stand in front of the HTTP server at ``url`` with TLS; each handshake waits for ``opening``.

    So long a client has no connection, and nothing of its request has left it.
    """
    parts = urlsplit(url)
    door = Door()

    async def serve(client: socket.socket) -> None:
        door.opened += 1
        await asyncio.sleep(opening())
        await _join(
            await _tls(client, context), await asyncio.open_connection(parts.hostname, parts.port)
        )

    async with _listening(serve) as port:
        door.url = f"https://127.0.0.1:{port}"
        yield door


async def _tls(client: socket.socket, context: ssl.SSLContext) -> Ends:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=context)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


@asynccontextmanager
async def late_answers(url: str, delay: Seconds) -> AsyncIterator[Door]:
    """Stand in front of the PostgreSQL at the socket of ``url``; answers wait for ``delay``."""
    parts = urlsplit(url)
    path = parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432"
    door = Door()

    async def serve(client: socket.socket) -> None:
        door.opened += 1
        ends = await asyncio.open_connection(sock=client)
        await _join(ends, await asyncio.open_unix_connection(path), delay)

    async with _listening(serve) as port:
        door.url = f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable"
        yield door


@asynccontextmanager
async def _listening(serve: Callable[[socket.socket], Awaitable[None]]) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def keep(client: socket.socket) -> None:
        with closing(client), suppress(ConnectionError, ssl.SSLError):
            await serve(client)

    async def accept(listener: socket.socket) -> None:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            tasks.add(asyncio.ensure_future(keep(client)))

    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as listener:
        listener.setblocking(False)
        tasks.add(asyncio.ensure_future(accept(listener)))
        try:
            yield listener.getsockname()[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _join(client: Ends, server: Ends, delay: Seconds | None = None) -> None:
    try:
        await asyncio.gather(_carry(client[0], server[1]), _carry(server[0], client[1], delay))
    finally:
        for _, writer in (client, server):
            writer.transport.abort()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: Seconds | None = None
) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(_BLOCK_BYTES):
            if delay:
                await asyncio.sleep(delay())
            writer.write(block)
            await writer.drain()
    writer.close()
