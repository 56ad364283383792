"""A little proxy that knows CONNECT and no more, on loopback."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class ConnectProxy:
    """Leads every tunnel to ``port`` of this machine; ``asked`` is what it was asked for.

    With ``password`` it wants ``Proxy-Authorization`` of the user ``me``; ``answer`` is what it
    says instead of leading anywhere.
    """

    target_port: int
    password: str | None = None
    answer: bytes | None = None
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def _says(self, head: bytes) -> bytes | None:
        if self.answer:
            return self.answer
        words = base64.b64encode(f"me:{self.password}".encode())
        if self.password and b"Basic " + words not in head:
            return b"407 Proxy Authentication Required"
        return None if head.startswith(b"CONNECT ") else b"405 Only CONNECT"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split(b"\r\n", 1)[0].decode())
            if refusal := self._says(head):
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % refusal)
                await writer.drain()
                await reader.read()
            else:
                await self._lead(reader, writer)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.target_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_carry(reader, to_there), _carry(there, writer))
        finally:
            to_there.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def connect_proxy(target_port: int, **how: object) -> AsyncIterator[ConnectProxy]:
    """Run a proxy for the block."""
    proxy = ConnectProxy(target_port, **how)  # type: ignore[arg-type]
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(proxy.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    user = f"me:{proxy.password}@" if proxy.password else ""
    proxy.url = f"http://{user}127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
