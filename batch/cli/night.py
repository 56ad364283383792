"""The command of the night shift: nightly."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch import api
from batch.cli.options import CLOUD, JsonOption, takes
from batch.cli.output import show
from batch.settings import Settings

if TYPE_CHECKING:
    from batch.night.shift import Watcher


@takes(
    "until", "timezone", "max_duration", "budget", "budget_day", "budget_month", "preflight",
    "skip_existing", "qps", "max_submissions", "type", "campaign", *CLOUD,
)  # fmt: skip
def nightly(
    settings: Settings,
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="Folder that new CSV files arrive in.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    def watch() -> AbstractContextManager["Watcher"]:
        # Only who has the lock waits for what watches, and for the logs, to load.
        from batch.cli.progress import watch_run
        from batch.logs import configure_logs

        configure_logs(settings.log_format)
        return watch_run()

    report = asyncio.run(api.night(settings, inbox, watch))
    from batch.show.text.night import night_lines

    show(report.facts, night_lines(report), as_json=as_json)
    raise typer.Exit(report.exit_code)


COMMANDS = {"nightly": nightly}
