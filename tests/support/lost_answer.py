"""A line to PostgreSQL that drops the answer to one statement after it was committed."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.line import listening

_BLOCK_BYTES = 1 << 20
_READY_AND_COMMITTED = b"Z\x00\x00\x00\x05I"
"""ReadyForQuery of a session that is in no transaction: the last message of an answer."""


@dataclass
class LostAnswer:
    """Carries bytes both ways, and once cuts the session that ran ``statement``.

    The cut comes when the server has said that the statement is committed: at once for one on its
    own, else with its transaction. Nobody hears that answer.
    """

    statement: str
    url: str = ""
    cuts: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Cut every connection now."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> None:
        from_server, to_server = await asyncio.open_unix_connection(path)
        ends = {writer, to_server}
        self._open |= ends
        session = _Watched(self.statement)
        try:
            await asyncio.gather(
                self._ask(reader, to_server, session), self._answer(from_server, writer, session)
            )
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: "_Watched"
    ) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(_BLOCK_BYTES):
                session.asked(block)
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: "_Watched"
    ) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(_BLOCK_BYTES):
                if session.has_run and not self.cuts and block.endswith(_READY_AND_COMMITTED):
                    self.cuts += 1
                    writer.transport.abort()
                    return
                writer.write(block)
                await writer.drain()
        writer.close()


class _Watched:
    """What one session has asked for, as far as it concerns the statement."""

    def __init__(self, statement: str) -> None:
        self._statement = statement.encode()
        self._names: set[bytes] = set()
        self._is_started = False
        self.has_run = False
        """Whether the statement was sent to be run."""

    def asked(self, block: bytes) -> None:
        """Read the messages of a block; a driver sends whole ones."""
        if not self._is_started:  # the first message has no type
            self._is_started = True
            return
        for kind, body in _messages(block):
            if kind == b"P":
                name, text, _ = body.split(b"\0", 2)
                (self._names.add if text == self._statement else self._names.discard)(name)
            elif kind == b"B":
                self.has_run |= body.split(b"\0", 2)[1] in self._names
            elif kind == b"Q":
                self.has_run |= body.rstrip(b"\0") == self._statement


def _messages(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    while start + 5 <= len(block):
        (length,) = struct.unpack_from("!I", block, start + 1)
        yield block[start : start + 1], block[start + 5 : start + 1 + length]
        start += 1 + length


@asynccontextmanager
async def answer_lost(url: str, statement: str) -> AsyncIterator[LostAnswer]:
    """Lend a line to the PostgreSQL at the socket of ``url``; use its ``url`` instead."""
    line = LostAnswer(statement)
    async with listening(url, line._serve, line.cut) as line.url:
        yield line
