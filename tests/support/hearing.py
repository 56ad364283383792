"""A real HTTP server on loopback that hears what is sent and answers as told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Hearing:
    """What a server heard so far, and how it answers: in turn, the last answer for good."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, "OK")])
    hang: bool = False
    drop: int = 0
    """So many requests are heard and then hung up on."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Note the request and answer it."""
        self.heard.append(
            Heard(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                await request.read(),
            )
        )
        if self.hang:
            await asyncio.Event().wait()
        if self.drop:
            self.drop -= 1
            assert request.transport
            request.transport.abort()
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    def say(self, *answers: tuple[int, str]) -> None:
        """Answer like this from now on."""
        self.answers = list(answers)

    def count(self) -> int:
        """Return how many requests arrived."""
        return len(self.heard)


@asynccontextmanager
async def hearing_server(**how: Any) -> AsyncIterator[Hearing]:
    """Run a server for the block; ``how`` goes to its site, such as ``ssl_context``."""
    hearing = Hearing()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{tail:.*}", hearing.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, **how)
        await site.start()
        hearing.url = f"{'https' if how else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        yield hearing
    finally:
        await runner.cleanup()
