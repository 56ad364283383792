"""The pages under ``/_emulator``: look at what happened, change what happens next."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from batch.emulator.accounts import AccessKey, AccountState
from batch.emulator.faults import FaultRule
from batch.emulator.state import State
from batch.emulator.tables import SettingsError, build, convert

T = TypeVar("T")

STATE = web.AppKey("state", State)
_ROWS_A_WRITE = 1000


def add_admin_routes(app: web.Application) -> None:
    """Add every admin page to ``app``."""
    app.router.add_get("/_emulator/healthz", _healthz)
    app.router.add_get("/_emulator/meter", _meter)
    app.router.add_get("/_emulator/jobs", _jobs)
    app.router.add_post("/_emulator/reset", _reset)
    app.router.add_get("/_emulator/faults", _get_faults)
    app.router.add_post("/_emulator/faults", _post_faults)
    app.router.add_delete("/_emulator/faults", _delete_faults)
    app.router.add_get("/_emulator/accounts", _get_accounts)
    app.router.add_post("/_emulator/accounts", _post_accounts)
    app.router.add_post("/_emulator/access_keys", _post_access_key)
    app.router.add_get("/_emulator/quota", _get_quota)
    app.router.add_post("/_emulator/quota", _post_quota)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _meter(request: web.Request) -> web.Response:
    state = request.app[STATE]
    return web.json_response({**state.jobs.account_for(), **state.meter.describe()})


async def _jobs(request: web.Request) -> web.StreamResponse:
    """Stream all jobs as JSONL, oldest first."""
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
    await response.prepare(request)
    lines: list[str] = []
    for row in request.app[STATE].jobs.rows():
        lines.append(json.dumps(row) + "\n")
        if len(lines) == _ROWS_A_WRITE:
            await response.write("".join(lines).encode())
            lines.clear()
    await response.write("".join(lines).encode())
    await response.write_eof()
    return response


async def _reset(request: web.Request) -> web.Response:
    request.app[STATE].reset()
    return web.json_response({})


async def _get_faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].faults.describe())


async def _post_faults(request: web.Request) -> web.Response:
    """Append one rule (an object) or several (an array)."""
    body = await _read_json(request)
    tables = body if isinstance(body, list) else [body]
    rules = _checked(lambda: tuple(build(FaultRule, table, "fault") for table in tables))
    request.app[STATE].faults.add(rules)
    return await _get_faults(request)


async def _delete_faults(request: web.Request) -> web.Response:
    request.app[STATE].faults.clear()
    return await _get_faults(request)


async def _get_accounts(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].keyring.states)


async def _post_accounts(request: web.Request) -> web.Response:
    """Set account states: ``{"default": "arrears"}``."""
    body = await _read_json(request)
    states = _checked(lambda: convert(body, dict[str, AccountState], "accounts"))
    request.app[STATE].keyring.states.update(states)
    return await _get_accounts(request)


async def _post_access_key(request: web.Request) -> web.Response:
    """Add a key, or replace the one with that id."""
    body = await _read_json(request)
    request.app[STATE].keyring.put(_checked(lambda: build(AccessKey, body, "access_key")))
    return web.json_response({})


async def _get_quota(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].quota.limits)


async def _post_quota(request: web.Request) -> web.Response:
    """Change limits: ``{"SubmitAIJob": 5}`` calls per second, 0 for none."""
    body = await _read_json(request)
    limits = _checked(lambda: convert(body, dict[str, int], "quota"))
    if any(limit < 0 for limit in limits.values()):
        raise web.HTTPBadRequest(text="quota: limits must not be negative")
    request.app[STATE].quota.set_limits(limits)
    return await _get_quota(request)


async def _read_json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None


def _checked(read: Callable[[], T]) -> T:
    """Return what ``read`` reads, or answer 400 with what is wrong."""
    try:
        return read()
    except SettingsError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
