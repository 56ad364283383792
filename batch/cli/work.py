"""Commands that change the ledger: migrate, load, submit."""

import asyncio
from typing import Annotated

import typer

from batch.cli.options import CLOUD, DATABASE, LEDGER, JsonOption, takes
from batch.cli.progress import watch_run
from batch.cli.render import load_lines, say, show, summary_lines
from batch.engine import loading
from batch.engine.submit import Watcher
from batch.engine.submit import submit as run_worker
from batch.engine.tally import RunSummary
from batch.errors import most_urgent
from batch.intake.options import check_options
from batch.intake.sources import expand_inputs
from batch.ledger.database import apply_migrations
from batch.logs import configure_logs
from batch.session import open_session
from batch.settings import Settings


@takes(*DATABASE)
def migrate(settings: Settings) -> None:
    applied = asyncio.run(apply_migrations(settings))
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("the schema is up to date")


@takes(
    "type", "config", "campaign", "priority", "column", "encoding", "quarantine", *LEDGER
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
    configure_logs(settings.log_format)
    check_options(loading.intake_options(settings))
    asyncio.run(_load(expand_inputs(files), settings, as_json=as_json))


async def _load(sources: list[str], settings: Settings, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        for source in sources:
            report = await loading.load_manifest(session.database, session.target, source, settings)
            show(report, load_lines(report), as_json=as_json)


@takes(
    "qps", "concurrency", "max_submissions", "budget", "skip_existing", "until", "timezone",
    "max_duration", "grace", *CLOUD,
)  # fmt: skip
def submit(
    settings: Settings,
    plan: Annotated[
        str | None, typer.Option(metavar="HASH", help="Send exactly this plan, or nothing.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    configure_logs(settings.log_format)
    with watch_run() as watcher:
        summary = asyncio.run(_submit(settings, watcher, plan))
    show(summary, summary_lines(summary, settings.currency), as_json=as_json)
    raise typer.Exit(most_urgent(*summary.exit_codes))


async def _submit(settings: Settings, watcher: Watcher, plan: str | None) -> RunSummary:
    async with open_session(settings, sends=True) as session:
        return await run_worker(
            session,
            watcher,
            max_submissions=settings.max_submissions,
            ends_at=session.ends_at,
            plan_hash=plan,
        )


COMMANDS = {"migrate": migrate, "load": load, "submit": submit}
