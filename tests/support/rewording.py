"""A server in front of the emulator that answers in other words: what our own guesses never are."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

Reword = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the body of an answer; returns it in other words.

A ``Code`` in it makes the answer a refusal with status 404.
"""


@asynccontextmanager
async def rewording(endpoint: str, **reword: Reword) -> AsyncIterator[str]:
    """Serve the emulator at ``endpoint`` with the answers of some actions reworded; yield a URL."""

    async def forward(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        url = endpoint + request.raw_path
        async with session.post(url, data=body, headers=request.headers) as answer:
            text = await answer.read()
            headers = {"Date": answer.headers["Date"], "Content-Type": "application/json"}
            change = reword.get(request.headers.get("x-acs-action", ""))
            if change and answer.status == 200:
                changed = change(json.loads(text))
                text = json.dumps(changed).encode()
                if "Code" in changed:
                    return web.Response(body=text, status=404, headers=headers)
            return web.Response(body=text, status=answer.status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def in_details(**fields: object) -> Reword:
    """Reword GetJobDetail: these fields get these words, ``None`` leaves the field out."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        body["AIJobDetail"] = _changed(body["AIJobDetail"], fields)
        return body

    return change


def in_listed_jobs(**fields: object) -> Reword:
    """Reword each entry of ListAIJob."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        jobs = body["AIJobList"]["AIJob"]
        body["AIJobList"]["AIJob"] = [_changed(job, fields) for job in jobs]
        return body

    return change


def in_job_infos(change_entry: Callable[[dict[str, Any]], dict[str, Any]]) -> Reword:
    """Reword each entry of ListJobInfo."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"JobInfoList": [change_entry(job) for job in body["JobInfoList"]]}

    return change


def hours_off(hours: int) -> Reword:
    """Date each entry of ListJobInfo so many hours later."""

    def change(entry: dict[str, Any]) -> dict[str, Any]:
        made = datetime.strptime(entry["CreateTime"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
        moved = made + timedelta(hours=hours)
        return entry | {"CreateTime": moved.strftime("%Y-%m-%dT%H:%M:%SZ")}

    return in_job_infos(change)


def in_media(**fields: object) -> Reword:
    """Reword each media of GetVideoInfos."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"VideoList": [_changed(media, fields) for media in body["VideoList"]]}

    return change


def _changed(entry: dict[str, Any], fields: dict[str, object]) -> dict[str, Any]:
    return {key: value for key, value in (entry | fields).items() if value is not None}
