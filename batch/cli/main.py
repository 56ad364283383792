"""``vod-batch``: the commands, and how any of them ends."""

import os
import signal
import sys
from types import FrameType

import typer

from batch.cli import look, machine, night, operate, selftest, settle, work
from batch.errors import ExitCode, VodBatchError

_TYPER_USAGE_CODE = 2

app = typer.Typer(
    name="vod-batch",
    help="Submit lists of media to ApsaraVideo VOD's paid AI jobs, at most once each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (night, work, settle, operate, look, machine, selftest):
    for name, command in room.COMMANDS.items():
        app.command(name)(command)
app.add_typer(settle.journal)


def run() -> None:
    """Run one command and end the process with its exit code (``design.md`` 5)."""
    signal.signal(signal.SIGTERM, _end_by_sigterm)
    try:
        app(prog_name="vod-batch")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            # Typer ends such a command with 1, but whoever read our output has seen enough. Keep
            # Python's own flush at exit from complaining.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(ExitCode.DONE)
        sys.exit(ExitCode.USAGE if end.code == _TYPER_USAGE_CODE else end.code)
    except VodBatchError as error:
        sys.stderr.write(f"vod-batch: {error}\n")
        sys.exit(error.exit_code)


def _end_by_sigterm(_number: int, _frame: FrameType | None) -> None:
    """Unwind instead of vanishing, so that an embedded database is not left running."""
    sys.exit(128 + signal.SIGTERM)
