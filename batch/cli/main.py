"""``vod-batch``: the commands, and how any of them ends."""

import importlib
import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from batch.cli.examples import epilog
from batch.cli.streams import drop_results, prepare_streams
from batch.errors import ExitCode, UsageError, VodBatchError, comes_of_an_exit
from batch.hearing import ours_to_hear

_TYPER_USAGE_CODE = 2
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM
_STYLE: dict[str, Any] = {
    "add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None,
}  # fmt: skip

_HELP = {"help_option_names": ["-h", "--help"]}

COMMANDS = {
    "nightly": (
        "night",
        "Load new files, look, submit, reconcile, report: the one line in crontab.",
    ),
    "report": ("inspect", "Show the morning page of the newest night."),
    "migrate": ("work", "Upgrade the database's schema to this program."),
    "list": (
        "listing",
        "Print the media of the cloud itself as CSV, for load; only free calls are made.",
    ),
    "load": ("work", "Load CSV lists of media ids; nothing is sent yet."),
    "submit": ("work", "Submit what is due, under the quota, until nothing is."),
    "reconcile": ("reconcile", "Settle doubts and follow jobs to their end."),
    "resolve": ("reconcile", "Decide what no look-up could: show the evidence, ask, then do it."),
    "doctor": ("doctor", "Check what a run needs; nothing is spent, but by --probe."),
    "why": (
        "operate",
        "Show a media's whole story: where it came from, every attempt, and what holds it now.",
    ),
    "retry": ("operate", "Make what failed, was rejected or is dead due again."),
    "cancel": ("operate", "Withdraw what is still to be sent, for good."),
    "pause": (
        "operate",
        "Hold what is to be sent: the whole target, a batch, single submissions.",
    ),
    "resume": ("operate", "Let go what is held; --all undoes pause --all only."),
    "plan": (
        "inspect",
        "Show what a submit would send, how long it takes and what it may cost; no call is made.",
    ),
    "status": ("inspect", "Show how many submissions stand where, batch by batch."),
    "export": ("inspect", "Print one row a submission, in manifest order."),
    "emulator": (
        "machine",
        "Play the cloud's API on this machine, with a meter; key testid, secret testsecret.",
    ),
    "demo": (
        "machine",
        "Show everything on this machine: a database, an emulator, a list submitted at 30/s.",
    ),
    "selftest": (
        "selftest",
        "Harm workers under faults, on a database and an emulator of its own, and count the jobs.",
    ),
    "journal": ("reconcile", "The second record, on this machine's disk."),
}
"""Each command: the room (a module beside this one) that holds it, and what ``--help`` says.

A command pays for what it imports itself, and ``--help`` for nothing: a second night that finds the
lock held must say so at once.
"""


@cache
def _load(name: str) -> Any:
    """Import the room of a command; return the command as Typer's own machinery makes it."""
    room, says = COMMANDS[name]
    command = importlib.import_module(f"batch.cli.{room}").COMMANDS[name]
    group = typer.Typer(**_STYLE)
    group.callback()(_nothing)
    told: dict[str, Any] = {"help": says, "epilog": epilog(name), "context_settings": _HELP}
    if isinstance(command, typer.Typer):
        group.add_typer(command, name=name, **told)
    else:
        group.command(name, **told)(command)
    return typer.main.get_command(group).commands[name]  # type: ignore[attr-defined]


def _nothing() -> None:
    """Make a group of an app, even where it has a single command."""


class _OnDemand(Mapping[str, Any]):
    """All commands by name; one is loaded when it is looked at."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Rooms(TyperGroup):
    """The group of all commands, none of them loaded before it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _OnDemand()})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])


app = typer.Typer(
    name="vod-batch",
    help="Submit lists of media to ApsaraVideo VOD's paid AI jobs, at most once each.",
    no_args_is_help=True,
    cls=_Rooms,
    context_settings=_HELP,
    **_STYLE,
)


def _say_version(wanted: bool) -> None:
    """Print the version that is installed, and end."""
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # slow, and wanted here alone

        try:
            number = version("vod-batch")
        except PackageNotFoundError:
            number = "(a checkout that is not installed)"
        typer.echo(f"vod-batch {number}")
        raise typer.Exit


@app.callback(epilog="\b\nvod-batch COMMAND --help shows a command's options, with examples.")
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Show the version, and end."
        ),
    ] = False,
) -> None:
    """Take what stands before a command."""


def run() -> None:
    """Run one command and end the process with its exit code."""
    prepare_streams()
    signal.signal(signal.SIGTERM, _end_by_sigterm)
    try:
        with ours_to_hear():
            app(prog_name="vod-batch")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            # Typer ends such a command with 1, but the reader of our output has seen enough.
            drop_results()
            sys.exit(ExitCode.DONE)
        if isinstance(end.__context__, typer.Abort):
            sys.exit(128 + signal.SIGINT)
        if end.code == _TYPER_USAGE_CODE:
            _tell_of_a_night(end.__context__)
            sys.exit(ExitCode.USAGE)
        sys.exit(end.code)
    except VodBatchError as error:
        if comes_of_an_exit(error):
            sys.exit(_ENDED_BY_SIGTERM)
        sys.stderr.write(f"vod-batch: {error}\n")
        drop_results()
        sys.exit(error.exit_code)


def _tell_of_a_night(misread: BaseException | None) -> None:
    """Tell of a night whose words nobody could read, such as those of a crontab: where its logs go
    to a file, nobody would hear of it. Who sits at a terminal sees what is wrong.
    """
    if sys.argv[1:2] != ["nightly"] or sys.stderr.isatty():
        return
    from batch.cli.night import tell_missed

    says = getattr(misread, "format_message", lambda: str(misread))()
    error = UsageError(f"the command line of nightly cannot be read: {says}")
    tell_missed({}, error, None, as_json="--json" in sys.argv)


def _end_by_sigterm(_number: int, _frame: FrameType | None) -> None:
    """Unwind instead of vanishing, so that an embedded database is not left running.

    What the unwinding stumbles over, such as a statement cut off, is no news to anybody.
    """
    logging.disable(logging.CRITICAL)  # asyncio's and the driver's; ours do not go through it
    sys.exit(_ENDED_BY_SIGTERM)
