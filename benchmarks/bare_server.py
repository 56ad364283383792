"""A server that answers SubmitAIJob and does nothing else, so that a client is what is measured.

It neither checks a signature nor keeps a job: one pass over the request line, one answer. Whoever
looks for jobs that exist already is told of none.
"""

import asyncio
import signal
import sys
from itertools import count
from typing import cast

_END_OF_HEAD = b"\r\n\r\n"
_numbers = count(1)


class Answerer(asyncio.Protocol):
    """One keep-alive connection; requests have no body."""

    def __init__(self) -> None:
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        assert self._transport
        *heads, self._waiting = (self._waiting + data).split(_END_OF_HEAD)
        for head in heads:
            self._transport.write(_answer(head))


def _answer(head: bytes) -> bytes:
    query = head[: head.index(b"\r\n")].split(b" ")[1].partition(b"?")[2]
    fields = dict(part.split(b"=", 1) for part in query.split(b"&") if b"=" in part)
    if b"Types" not in fields:
        return _framed(b'{"RequestId":"0","JobInfoList":[]}')
    jobs = ",".join(
        f'{{"JobId":"{next(_numbers):032x}","MediaId":"{fields[b"MediaId"].decode()}",'
        f'"Type":"{name}"}}'
        for name in fields[b"Types"].decode().split("%2C")
    )
    return _framed(
        f'{{"RequestId":"{next(_numbers):08X}-0000-4000-A000-000000000000",'
        f'"AIJobList":{{"AIJob":[{jobs}]}}}}'.encode()
    )


def _framed(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: "
        + str(len(body)).encode()
        + _END_OF_HEAD
        + body
    )


async def serve() -> None:
    """Listen on a free port of loopback, say so, and serve until SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Answerer, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"listening on http://{host}:{port}", flush=True)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
