"""The pages under ``/_emulator``: look at what happened, change what happens next."""

import json
from datetime import UTC, datetime
from typing import Annotated, Self, TypeVar

from aiohttp import web
from pydantic import BeforeValidator, Field, model_validator

from batch.emulator.clock import iso_microseconds
from batch.emulator.faults import FaultRule
from batch.emulator.jobs import Trigger
from batch.emulator.models import MEDIA_DNA, Count, JobType, Model, Moment, SettingsError, checked
from batch.emulator.settings import AccessKey, AccountState, Limits, Switches
from batch.emulator.words import Table
from batch.emulator.world import World

T = TypeVar("T")

WORLD = web.AppKey("world", World)
PAGES = web.RouteTableDef()
_ROWS_A_WRITE = 1000
_TEN_YEARS = 10 * 365 * 86_400
_LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC).timestamp()

Rules = Annotated[list[FaultRule], BeforeValidator(lambda it: [it] if isinstance(it, dict) else it)]
Age = Annotated[float, Field(ge=0, le=_TEN_YEARS)]


class UnaskedJobs(Model):
    """Jobs that no client of the emulator asked for, made ``age_seconds`` ago."""

    media_ids: list[str]
    type: JobType = MEDIA_DNA
    age_seconds: Age = 0.0
    account: str = "default"


class LibraryChange(Model):
    """How many made-up media are listed from now on, and which media are missing."""

    listed: Count | None = None
    missing: list[str] | None = None


class Elapse(Model):
    """Time to pass for what is remembered; ``expired_nonces`` name requests not sent until then."""

    seconds: Age
    expired_nonces: list[str] = []


class ClockMove(Model):
    """Where to move the cloud's time: by seconds, or to an ISO 8601 time with an offset."""

    advance_seconds: float | None = None
    now: Moment | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.advance_seconds is None) is (self.now is None):
            raise ValueError("give advance_seconds or now")
        return self


async def _body(request: web.Request, kind: type[T], where: str) -> T:
    """Return the request's JSON as a ``kind``, or answer 400 with what is wrong."""
    try:
        return checked(kind, await request.json(), where)
    except SettingsError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except ValueError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None


@PAGES.get("/_emulator/healthz")
async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


@PAGES.get("/_emulator/meter")
async def _meter(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    world.automatic.catch_up()
    said = {"words_said": world.words.said}
    return web.json_response({**world.jobs.account_for(), **world.meter.describe(), **said})


@PAGES.get("/_emulator/jobs")
async def _jobs(request: web.Request) -> web.StreamResponse:
    """Stream all jobs as JSONL, in the order made."""
    world = request.app[WORLD]
    world.automatic.catch_up()
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
    await response.prepare(request)
    lines: list[str] = []
    for row in world.jobs.rows():
        lines.append(json.dumps(row) + "\n")
        if len(lines) == _ROWS_A_WRITE:
            await response.write("".join(lines).encode())
            lines.clear()
    await response.write("".join(lines).encode())
    await response.write_eof()
    return response


@PAGES.post("/_emulator/reset")
async def _reset(request: web.Request) -> web.Response:
    request.app[WORLD].reset()
    return web.json_response({})


@PAGES.get("/_emulator/faults")
@PAGES.post("/_emulator/faults")
@PAGES.delete("/_emulator/faults")
async def _faults(request: web.Request) -> web.Response:
    """POST appends one rule (an object) or several (an array)."""
    faults = request.app[WORLD].faults
    if request.method == "POST":
        faults.add(await _body(request, Rules, "fault"))
    elif request.method == "DELETE":
        faults.clear()
    return web.json_response(faults.describe())


@PAGES.get("/_emulator/words")
@PAGES.post("/_emulator/words")
@PAGES.delete("/_emulator/words")
async def _words(request: web.Request) -> web.Response:
    """POST replaces words from now on: ``{"ListAIJob": {"Status": {"success": "SUCCEED"}}}``."""
    words = request.app[WORLD].words
    if request.method == "POST":
        words.add(await _body(request, Table, "words"))
    elif request.method == "DELETE":
        words.table.clear()
    return web.json_response(words.table)


@PAGES.get("/_emulator/switches")
@PAGES.post("/_emulator/switches")
async def _switches(request: web.Request) -> web.Response:
    """POST turns switches of whole sections: ``{"lookup": {"visible_after_seconds": 60}}``."""
    world = request.app[WORLD]
    if request.method == "POST":
        world.switch(await _body(request, Switches, "switches"))
    return web.json_response(world.switches())


@PAGES.get("/_emulator/accounts")
@PAGES.post("/_emulator/accounts")
async def _accounts(request: web.Request) -> web.Response:
    """POST sets account states: ``{"default": "arrears"}``."""
    states = request.app[WORLD].keys.states
    if request.method == "POST":
        states.update(await _body(request, dict[str, AccountState], "accounts"))
    return web.json_response(states)


@PAGES.post("/_emulator/access_keys")
async def _access_keys(request: web.Request) -> web.Response:
    """Add a key, or replace the one with that id."""
    request.app[WORLD].keys.put(await _body(request, AccessKey, "access_key"))
    return web.json_response({})


@PAGES.get("/_emulator/quota")
@PAGES.post("/_emulator/quota")
async def _quota(request: web.Request) -> web.Response:
    """POST changes limits: ``{"SubmitAIJob": 5}`` calls per second, 0 for none."""
    limits = request.app[WORLD].quota.limits
    if request.method == "POST":
        limits.update(await _body(request, Limits, "quota"))
    return web.json_response(limits)


@PAGES.get("/_emulator/media")
@PAGES.post("/_emulator/media")
async def _media(request: web.Request) -> web.Response:
    """POST changes the library: ``{"listed": 10100}``, ``{"missing": ["aaaa"]}``."""
    library = request.app[WORLD].library
    if request.method == "POST":
        asked = await _body(request, LibraryChange, "media")
        library.change(asked.listed, asked.missing)
    return web.json_response({"listed": library.listed, "missing": sorted(library.missing)})


@PAGES.get("/_emulator/clock")
@PAGES.post("/_emulator/clock")
async def _clock(request: web.Request) -> web.Response:
    """POST moves the cloud's time: ``{"advance_seconds": 3600}`` or to an ISO 8601 ``now``."""
    world = request.app[WORLD]
    if request.method == "POST":
        move, wall = await _body(request, ClockMove, "clock"), world.clock.wall()
        seconds = move.now.timestamp() - wall if move.now else move.advance_seconds or 0.0
        if not _TEN_YEARS < wall + seconds < _LAST_MOMENT:
            raise web.HTTPBadRequest(text="clock: the time must be between 1980 and 2100")
        world.move_clock(seconds)
    now, offset = iso_microseconds(world.clock.wall()), world.clock.offset
    return web.json_response({"now": now, "offset_seconds": offset})


@PAGES.post("/_emulator/elapse")
async def _elapse(request: web.Request) -> web.Response:
    """Let time pass for jobs and nonces: ``{"seconds": 3600, "expired_nonces": [...]}``."""
    asked = await _body(request, Elapse, "elapse")
    request.app[WORLD].elapse(asked.seconds, asked.expired_nonces)
    return web.json_response({})


@PAGES.post("/_emulator/auto_jobs")
@PAGES.post("/_emulator/manual_jobs")
async def _unasked_jobs(request: web.Request) -> web.Response:
    """Make jobs of the cloud itself, or as another program would: ``{"media_ids": [...]}``."""
    trigger: Trigger = "Auto" if "auto" in request.path else "Manual"
    asked = await _body(request, UnaskedJobs, f"{trigger.lower()}_jobs")
    make = request.app[WORLD].jobs.make_unasked
    jobs = [
        make(media_id, asked.type, asked.account, trigger, asked.age_seconds)
        for media_id in asked.media_ids
    ]
    return web.json_response({"job_ids": [job.job_id for job in jobs]})
