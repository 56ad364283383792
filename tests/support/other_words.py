"""A cloud that answers in other words: a relay before the emulator that changes its answers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web


def _reworded(value: object, words: Mapping[str, object]) -> object:
    if isinstance(value, list):
        return [_reworded(one, words) for one in value]
    if isinstance(value, dict):
        return {key: words.get(key, _reworded(one, words)) for key, one in value.items()}
    return value


@asynccontextmanager
async def speaking(url: str, action: str, words: Mapping[str, object]) -> AsyncIterator[str]:
    """Relay to the emulator at ``url``; answers to ``action`` hold ``words`` in their fields."""
    async with aiohttp.ClientSession() as session:

        async def relay(request: web.Request) -> web.Response:
            body = await request.read()
            where = url + request.raw_path
            async with session.request(
                request.method, where, headers=request.headers, data=body
            ) as answer:
                told = await answer.json()
                if request.headers.get("x-acs-action") == action:
                    told = _reworded(told, words)
                return web.json_response(told, status=answer.status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", relay)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
