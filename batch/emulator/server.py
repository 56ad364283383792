"""The server: routes, command line, start and end of the process."""

import argparse
import asyncio
import dataclasses
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from batch.emulator.actions import HANDLERS
from batch.emulator.admin import STATE, add_admin_routes
from batch.emulator.calls import read_call
from batch.emulator.clock import Clock
from batch.emulator.delivery import Incident, go_wrong, respond
from batch.emulator.gateway import execute, receive
from batch.emulator.settings import Settings, load_settings
from batch.emulator.state import State
from batch.emulator.tables import SettingsError

_MAX_LINE_BYTES = 256 * 1024
"""Longest request line: the official SDK puts Config and UserData into the query."""
_SHUTDOWN_SECONDS = 0.5


def create_app(settings: Settings, clock: Clock | None = None) -> web.Application:
    """Return the emulator as an application; each has its own memory and its own clock."""
    app = web.Application()
    app[STATE] = State(settings, clock or Clock(), frozenset(HANDLERS))
    app.router.add_route("*", "/", _serve)
    add_admin_routes(app)
    return app


def create_runner(app: web.Application) -> web.AppRunner:
    """Return a runner with the options an emulator needs."""
    return web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=app[STATE].settings.keepalive_seconds,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )


async def _serve(request: web.Request) -> web.StreamResponse:
    """Carry one API call through the emulator."""
    state = request.app[STATE]
    connection = state.connections.of(request)
    call = await read_call(request, state.new_request_id(), connection)
    verdict = receive(state, call)
    fault = state.faults.choose(call.action, call.get("MediaId"), call.get("Types"), call.nonce)
    if fault is not None:
        return await go_wrong(Incident(state, request, call, verdict, fault))
    return respond(state, call, execute(state, call, verdict))


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
        sys.stdout.write(f"vod-batch emulator listening on {_base_url(runner)}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def _base_url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator from the command line; return the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        settings = _settings(arguments)
        asyncio.run(serve(settings))
    except SettingsError as error:
        parser.error(str(error))
    except (OSError, OverflowError) as error:  # the latter: a port that no machine has
        parser.exit(1, f"{parser.prog}: cannot listen: {error}\n")
    return 0


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
    add("--qps", type=int, help="SubmitAIJob calls per second, 0 for no limit (30)")
    add("--seed", type=int, help="makes ids and chances repeatable")
    add("--job-seconds", type=float, help="seconds until a job has ended (0)")
    add("--fail-ratio", type=float, help="share of jobs that fail, 0 to 1 (0)")
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    """Return the file's settings with the options laid over them."""
    settings = load_settings(arguments.settings) if arguments.settings else Settings()
    top = {
        name: value
        for name in ("host", "port", "region", "seed")
        if (value := getattr(arguments, name)) is not None
    }
    quota, jobs = settings.quota, settings.jobs
    if arguments.qps is not None:
        limits = {**quota.limits, "SubmitAIJob": arguments.qps}
        quota = dataclasses.replace(quota, limits=limits)
    if arguments.job_seconds is not None:
        jobs = dataclasses.replace(jobs, finished_after_seconds=arguments.job_seconds)
    if arguments.fail_ratio is not None:
        jobs = dataclasses.replace(jobs, fail_ratio=arguments.fail_ratio)
    return dataclasses.replace(settings, quota=quota, jobs=jobs, **top)
