"""Commands that run everything on one machine: the emulator and the demo."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from batch.cli.demo import run_demo
from batch.cli.options import takes
from batch.logs import configure_logs
from batch.settings import Settings


def emulator(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 picks a free one.")] = 8808,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    qps: Annotated[int | None, typer.Option(help="Quota of SubmitAIJob. [30]")] = None,
    emulator_settings: Annotated[
        str | None, typer.Option("--settings", help="TOML file with switches and faults.")
    ] = None,
) -> None:
    command = [sys.executable, "-P", "-m", "batch.emulator", "--port", str(port), "--host", host]
    if qps is not None:
        command += ["--qps", str(qps)]
    if emulator_settings is not None:
        command += ["--settings", emulator_settings]
    # The emulator takes this process over: nothing of ours runs in it, and signals are its own.
    os.execv(command[0], command)  # noqa: S606


@takes("home")
def demo(settings: Settings) -> None:
    configure_logs(settings.log_format, settings.log)
    raise typer.Exit(asyncio.run(run_demo(settings.home_path / "demo")))


COMMANDS = {"emulator": emulator, "demo": demo}
