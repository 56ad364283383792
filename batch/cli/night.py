"""The command of the night shift: nightly."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch import api
from batch.cli.options import CLOUD, JsonOption, read_flags, takes
from batch.cli.output import show
from batch.errors import LockHeldError, VodBatchError, comes_of_an_exit
from batch.settings import Settings, load_channels

if TYPE_CHECKING:
    from batch.night.shift import Watcher
    from batch.show.night_report import NightReport


@takes(
    "until", "timezone", "max_duration", "budget", "budget_day", "budget_month", "preflight",
    "skip_existing", "qps", "max_submissions", "expect_list", "print_page", "log", "type",
    "campaign", *CLOUD, load=dict,
)  # fmt: skip
def nightly(
    flags: dict[str, Any],
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="Folder that new lists arrive in.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    try:
        settings = read_flags(**flags)
        report = _night(settings, inbox)
    except LockHeldError:
        raise  # the night that has the lock is the one that is heard of
    except VodBatchError as error:
        if not comes_of_an_exit(error):
            tell_missed(flags, error, inbox, as_json=as_json)
        raise
    if settings.print_page == "always" or not report.is_well:
        show(report.facts, report.lines, as_json=as_json)
    raise typer.Exit(report.exit_code)


def _night(settings: Settings, inbox: Path) -> "NightReport":
    def watch() -> AbstractContextManager["Watcher"]:
        # Only who has the lock waits for what watches, and for the logs, to load.
        from batch.cli.progress import watch_run
        from batch.logs import configure_logs

        configure_logs(settings.log_format, settings.log)
        return watch_run(settings.log)

    return asyncio.run(api.night(settings, inbox, watch))


def tell_missed(
    flags: dict[str, Any], error: VodBatchError, inbox: Path | None, *, as_json: bool
) -> None:
    """Show and notify that no night began: a person is needed, however little is to be printed."""
    from batch.logs import configure_logs

    configure_logs()
    missed = asyncio.run(api.tell_missed(load_channels(**flags), error, inbox))
    show(missed.facts, missed.lines, as_json=as_json)


COMMANDS = {"nightly": nightly}
