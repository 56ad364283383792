"""The pages under ``/_emulator``: look at what happened, change what happens next."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from batch.emulator.accounts import AccessKey, AccountState
from batch.emulator.clock import iso_microseconds
from batch.emulator.faults import FaultRule
from batch.emulator.jobs import Trigger
from batch.emulator.sections import KNOWN_TYPES, MEDIA_DNA
from batch.emulator.state import State
from batch.emulator.switches import Switches
from batch.emulator.tables import SettingsError, build, convert
from batch.emulator.words import Table

T = TypeVar("T")

STATE = web.AppKey("state", State)
_ROWS_A_WRITE = 1000
_OLDEST_JOB_SECONDS = 10 * 365 * 86_400
_LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def add_admin_routes(app: web.Application) -> None:
    """Add every admin page to ``app``."""
    app.router.add_get("/_emulator/healthz", _healthz)
    app.router.add_get("/_emulator/meter", _meter)
    app.router.add_get("/_emulator/jobs", _jobs)
    app.router.add_post("/_emulator/reset", _reset)
    app.router.add_get("/_emulator/faults", _get_faults)
    app.router.add_post("/_emulator/faults", _post_faults)
    app.router.add_delete("/_emulator/faults", _delete_faults)
    app.router.add_get("/_emulator/words", _get_words)
    app.router.add_post("/_emulator/words", _post_words)
    app.router.add_delete("/_emulator/words", _delete_words)
    app.router.add_get("/_emulator/switches", _get_switches)
    app.router.add_post("/_emulator/switches", _post_switches)
    app.router.add_get("/_emulator/accounts", _get_accounts)
    app.router.add_post("/_emulator/accounts", _post_accounts)
    app.router.add_post("/_emulator/access_keys", _post_access_key)
    app.router.add_get("/_emulator/quota", _get_quota)
    app.router.add_post("/_emulator/quota", _post_quota)
    app.router.add_get("/_emulator/clock", _get_clock)
    app.router.add_post("/_emulator/clock", _post_clock)
    app.router.add_post("/_emulator/elapse", _post_elapse)
    app.router.add_post("/_emulator/auto_jobs", _post_auto_jobs)
    app.router.add_post("/_emulator/manual_jobs", _post_manual_jobs)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _meter(request: web.Request) -> web.Response:
    state = request.app[STATE]
    state.automatic.catch_up()
    said = {"words_said": dict(state.words.said)}
    return web.json_response({**state.jobs.account_for(), **state.meter.describe(), **said})


async def _jobs(request: web.Request) -> web.StreamResponse:
    """Stream all jobs as JSONL, in the order made."""
    request.app[STATE].automatic.catch_up()
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


async def _get_words(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].words.table)


async def _post_words(request: web.Request) -> web.Response:
    """Replace words from now on: ``{"ListAIJob": {"Status": {"success": "SUCCEED"}}}``."""
    body = await _read_json(request)
    words = request.app[STATE].words
    _checked(lambda: words.add(convert(body, Table, "words")))
    return await _get_words(request)


async def _delete_words(request: web.Request) -> web.Response:
    request.app[STATE].words.clear()
    return await _get_words(request)


async def _get_switches(request: web.Request) -> web.Response:
    return web.json_response(asdict(Switches.of(request.app[STATE].settings)))


async def _post_switches(request: web.Request) -> web.Response:
    """Turn switches of whole sections: ``{"lookup": {"visible_after_seconds": 60}}``."""
    state, body = request.app[STATE], await _read_json(request)
    state.switch(_checked(lambda: Switches.of(state.settings).with_changes(body)))
    return await _get_switches(request)


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


@dataclass(frozen=True, slots=True)
class _UnaskedJobs:
    """Jobs that no client of the emulator asked for, made ``age_seconds`` ago."""

    media_ids: tuple[str, ...]
    type: str = MEDIA_DNA
    age_seconds: float = 0.0
    account: str = "default"

    def __post_init__(self) -> None:
        """Refuse types that do not exist and ages that no job has."""
        if self.type not in KNOWN_TYPES:
            raise SettingsError(f"type must be one of {', '.join(KNOWN_TYPES)}")
        if not 0 <= self.age_seconds <= _OLDEST_JOB_SECONDS:
            raise SettingsError("age_seconds must be from 0 to that of ten years")


async def _post_auto_jobs(request: web.Request) -> web.Response:
    """Make jobs with Trigger Auto: ``{"media_ids": [...], "type": ..., "age_seconds": ...}``."""
    return await _make_unasked(request, "Auto")


async def _post_manual_jobs(request: web.Request) -> web.Response:
    """Make jobs with Trigger Manual, as some other program would."""
    return await _make_unasked(request, "Manual")


async def _make_unasked(request: web.Request, trigger: Trigger) -> web.Response:
    body = await _read_json(request)
    asked = _checked(lambda: build(_UnaskedJobs, body, f"{trigger.lower()}_jobs"))
    make = request.app[STATE].jobs.make_unasked
    jobs = [
        make(media_id, asked.type, asked.account, trigger, asked.age_seconds)
        for media_id in asked.media_ids
    ]
    return web.json_response({"job_ids": [job.job_id for job in jobs]})


@dataclass(frozen=True, slots=True)
class _ClockMove:
    """Where to move the cloud's time: by seconds, or to an ISO 8601 time with an offset."""

    advance_seconds: float | None = None
    now: str | None = None

    def seconds_from(self, wall: float) -> float:
        """Return the seconds to move by, backwards if negative."""
        if (self.advance_seconds is None) is (self.now is None):
            raise SettingsError("clock: give advance_seconds or now")
        seconds = self.advance_seconds
        if seconds is None:
            seconds = _seconds_of(self.now or "") - wall
        if not _OLDEST_JOB_SECONDS < wall + seconds < _LAST_MOMENT:  # NaN is not, either
            raise SettingsError("clock: the time must be between 1980 and 2100")
        return seconds


def _seconds_of(text: str) -> float:
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SettingsError("clock: now must be ISO 8601 with an offset")
    return moment.timestamp()


async def _get_clock(request: web.Request) -> web.Response:
    clock = request.app[STATE].clock
    return web.json_response(
        {"now": iso_microseconds(clock.wall()), "offset_seconds": clock.offset}
    )


async def _post_clock(request: web.Request) -> web.Response:
    """Move the cloud's time: ``{"advance_seconds": 3600}`` or ``{"now": "2026-03-29T00:30Z"}``."""
    state, body = request.app[STATE], await _read_json(request)
    move = _checked(lambda: build(_ClockMove, body, "clock"))
    state.move_clock(_checked(lambda: move.seconds_from(state.clock.wall())))
    return await _get_clock(request)


@dataclass(frozen=True, slots=True)
class _Elapse:
    """Time to pass for what is remembered; ``expired_nonces`` name requests not sent until then."""

    seconds: float
    expired_nonces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse time that runs backwards."""
        if not 0 <= self.seconds <= _OLDEST_JOB_SECONDS:
            raise SettingsError("seconds must be from 0 to those of ten years")


async def _post_elapse(request: web.Request) -> web.Response:
    """Let time pass for jobs and nonces: ``{"seconds": 3600, "expired_nonces": [...]}``."""
    body = await _read_json(request)
    asked = _checked(lambda: build(_Elapse, body, "elapse"))
    request.app[STATE].elapse(asked.seconds, asked.expired_nonces)
    return web.json_response({})


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
