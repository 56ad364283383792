"""A small real SMTP server: enough of RFC 5321 for one sender, with TLS and log-in where told."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Letter:
    """One letter that was taken, with its envelope."""

    sender: str
    readers: list[str]
    content: EmailMessage
    encrypted: bool
    user: str | None


@dataclass
class PostOffice:
    """What arrived, and how the server behaves."""

    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    """STARTTLS is offered when set."""
    key: tuple[str, str] | None = None
    """User and password; without them nobody may send."""
    refusals: dict[str, str] = field(default_factory=dict)
    """The answer to give instead of the usual one, by command (``RCPT TO:<a@b>`` or ``DATA``)."""
    busy: int = 0
    """So many connections are greeted with a 421."""
    hang: bool = False


@dataclass
class _Session:
    office: PostOffice
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encrypted: bool
    user: str | None = None
    sender: str = ""
    readers: list[str] = field(default_factory=list)

    async def say(self, *lines: str) -> None:
        code = lines[0][:3]
        text = [f"{code}-{line[4:]}" for line in lines[:-1]] + [lines[-1]]
        self.writer.write(("\r\n".join(text) + "\r\n").encode())
        await self.writer.drain()

    async def serve(self) -> None:
        if self.office.hang:
            await asyncio.Event().wait()
        if self.office.busy:
            self.office.busy -= 1
            await self.say("421 too busy")
            return
        await self.say("220 test ESMTP")
        while line := (await self.reader.readline()).decode().strip():
            refusal = self.office.refusals.get(line.split(" SIZE")[0].split(" BODY")[0])
            if refusal:
                await self.say(refusal)
            elif not await self.obey(line):
                return

    async def obey(self, line: str) -> bool:
        """Carry out one command; return whether the session goes on."""
        word = line.partition(" ")[0].upper()
        match word:
            case "EHLO":
                await self.greet()
            case "STARTTLS":
                await self.say("220 go ahead")
                assert self.office.tls
                await self.writer.start_tls(self.office.tls)
                self.encrypted = True
            case "AUTH":
                await self.authenticate(line)
            case "MAIL" if self.office.key and not self.user:
                await self.say("530 log in first")
            case "MAIL":
                self.sender = line[line.index("<") + 1 : line.index(">")]
                await self.say("250 ok")
            case "RCPT":
                self.readers.append(line[line.index("<") + 1 : line.index(">")])
                await self.say("250 ok")
            case "DATA":
                await self.take()
            case "QUIT":
                await self.say("221 bye")
                return False
            case _:
                await self.say("250 ok")
        return True

    async def greet(self) -> None:
        offers = ["250 test"]
        if self.office.tls and not self.encrypted:
            offers.append("250 STARTTLS")
        if self.office.key:
            offers.append("250 AUTH PLAIN")
        await self.say(*offers)

    async def authenticate(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        if (user, password) == self.office.key:
            self.user = user
            await self.say("235 welcome")
        else:
            await self.say(f"535 {password} is not the password of {user}")

    async def take(self) -> None:
        await self.say("354 go on")
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        content = message_from_bytes(raw[:-3].replace(b"\r\n..", b"\r\n."), policy=policy.default)
        assert isinstance(content, EmailMessage)
        self.office.letters.append(
            Letter(self.sender, self.readers, content, self.encrypted, self.user)
        )
        await self.say("250 taken")


@asynccontextmanager
async def post_office(context: ssl.SSLContext | None = None) -> AsyncIterator[PostOffice]:
    """Run a server for the block; with ``context`` it speaks TLS from the first byte."""
    office = PostOffice()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        office.connections += 1
        try:
            await _Session(office, reader, writer, context is not None).serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side left, or the test did
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
