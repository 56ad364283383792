"""The server: routes, command line, start and end of the process."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from batch.emulator.actions import ACTIONS
from batch.emulator.admin import PAGES, WORLD
from batch.emulator.call import read_call
from batch.emulator.clock import Clock
from batch.emulator.delivery import Incident, respond
from batch.emulator.gateway import execute, receive
from batch.emulator.models import SettingsError
from batch.emulator.settings import Settings, load_settings
from batch.emulator.world import World

_MAX_LINE_BYTES = 256 * 1024
"""Longest request line: the official SDK puts Config and UserData into the query."""
_SHUTDOWN_SECONDS = 0.5


def create_app(settings: Settings, clock: Clock | None = None) -> web.Application:
    """Return the emulator as an application; each has its own memory and its own clock."""
    app = web.Application()
    app[WORLD] = World(settings, clock or Clock(), frozenset(ACTIONS))
    app.router.add_route("*", "/", _serve)
    app.add_routes(PAGES)
    return app


def create_runner(app: web.Application) -> web.AppRunner:
    """Return a runner with the options an emulator needs."""
    return web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=app[WORLD].settings.keepalive_seconds,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )


async def _serve(request: web.Request) -> web.StreamResponse:
    """Carry one API call through the emulator."""
    world = request.app[WORLD]
    call = await read_call(request, world.new_request_id(), world.connections.of(request))
    receive(world, call)
    fault = world.faults.choose(call.action, call.get("MediaId"), call.get("Types"), call.nonce)
    if fault is not None:
        return await Incident(world, request, call, fault).happen()
    return respond(world, call, execute(world, call))


async def serve(settings: Settings) -> None:
    """Listen, say so in one line on stdout, and serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = create_runner(create_app(settings))
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        host, port = runner.addresses[0][:2]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sys.stdout.write(f"vod-batch emulator listening on http://{where}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator from the command line; return the exit code."""
    parser = _parser()
    options = vars(parser.parse_args(argv))
    try:
        asyncio.run(serve(load_settings(options.pop("settings"), _table_of(options))))
    except SettingsError as error:
        parser.error(str(error))
    except (OSError, OverflowError) as error:  # the latter: a port that no machine has
        parser.exit(1, f"{parser.prog}: cannot listen: {error}\n")
    return 0


def _table_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given as they would stand in a settings file."""
    table: dict[str, Any] = {}
    for path, value in options.items():
        if value is not None:
            *sections, key = path.split(".")
            section = table
            for title in sections:
                section = section.setdefault(title, {})
            section[key] = value
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m batch.emulator",
        description="A stand-in for ApsaraVideo VOD's API. Options beat the settings file.",
    )
    add = parser.add_argument
    add("--settings", type=Path, metavar="FILE.toml", help="settings file")
    add("--host", help="address to listen on (127.0.0.1)")
    add("--port", type=int, help="port to listen on, 0 for a free one (8808)")
    add("--region", help="the region played (cn-shanghai)")
    add(
        "--qps",
        dest="quota.limits.SubmitAIJob",
        type=int,
        metavar="QPS",
        help="SubmitAIJob calls per second, 0 for no limit (30)",
    )
    add("--seed", type=int, help="makes ids and chances repeatable")
    add(
        "--job-seconds",
        dest="jobs.finished_after_seconds",
        type=float,
        metavar="SECONDS",
        help="seconds until a job has ended (0)",
    )
    add(
        "--fail-ratio",
        dest="jobs.fail_ratio",
        type=float,
        metavar="RATIO",
        help="share of jobs that fail, 0 to 1 (0)",
    )
    return parser
