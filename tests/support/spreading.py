"""One address with several servers behind it, met in turn: a load balancer of connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from urllib.parse import urlsplit


@asynccontextmanager
async def spreading(endpoints: Sequence[str]) -> AsyncIterator[str]:
    """Hand each new connection to the next of ``endpoints``; yield the URL in front of them."""
    turns = cycle(urlsplit(one) for one in endpoints)
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        behind = next(turns)
        back, out = await asyncio.open_connection(behind.hostname, behind.port)
        await asyncio.gather(_carry(reader, out), _carry(back, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            if task:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    writer.close()
