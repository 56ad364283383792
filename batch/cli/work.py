"""Commands that change the ledger: migrate, load, submit."""

import asyncio
from typing import Annotated

import typer

from batch import api
from batch.cli.options import CLOUD, DATABASE, LEDGER, JsonOption, takes
from batch.cli.output import say, show
from batch.cli.progress import watch_run
from batch.errors import most_urgent
from batch.intake.options import check_options
from batch.intake.sources import expand_inputs
from batch.ledger import loading
from batch.ledger.migrate import apply_migrations
from batch.logs import configure_logs
from batch.settings import Settings
from batch.show.text.runs import load_lines, summary_lines


@takes(*DATABASE)
def migrate(settings: Settings) -> None:
    applied = asyncio.run(apply_migrations(settings))
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("the schema is up to date")


@takes(
    "type", "config", "campaign", "priority", "column", "encoding", "max_bad", "strict",
    "quarantine", *LEDGER,
)  # fmt: skip
def load(
    settings: Settings,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="CSV files, globs, or - for standard input."),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    configure_logs(settings.log_format, settings.log)
    check_options(loading.intake_options(settings))
    asyncio.run(_load(expand_inputs(files), settings, as_json=as_json))


async def _load(sources: list[str], settings: Settings, *, as_json: bool) -> None:
    async for report in api.load(settings, sources):
        show(report, load_lines(report), as_json=as_json)


@takes(
    "qps", "concurrency", "max_submissions", "budget", "budget_day", "budget_month",
    "skip_existing", "until", "timezone", "max_duration", "grace", "log", *CLOUD,
)  # fmt: skip
def submit(
    settings: Settings,
    plan: Annotated[
        str | None, typer.Option(metavar="HASH", help="Send exactly this plan, or nothing.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    configure_logs(settings.log_format, settings.log)
    with watch_run(settings.log) as watcher:
        summary = asyncio.run(api.submit(settings, watcher, plan_hash=plan))
    show(summary, summary_lines(summary), as_json=as_json)
    raise typer.Exit(most_urgent(*summary.exit_codes))


COMMANDS = {"migrate": migrate, "load": load, "submit": submit}
