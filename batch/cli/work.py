"""Commands that change the ledger: migrate, load, submit."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from batch.cli.options import (
    AccountOption,
    BudgetOption,
    DatabaseOption,
    EndpointOption,
    HomeOption,
    JsonOption,
    MaxDurationOption,
    RegionOption,
    SkipExistingOption,
    TimezoneOption,
    UntilOption,
)
from batch.cli.progress import watch_run
from batch.cli.render import load_lines, say, summary_lines
from batch.core.models import JobType
from batch.engine import loading
from batch.engine.submit import Watcher
from batch.engine.submit import submit as run_worker
from batch.engine.tally import RunSummary
from batch.errors import most_urgent
from batch.intake.manifest import check_options, expand_inputs
from batch.ledger.migrate import apply_migrations
from batch.logs import configure_logs
from batch.session import open_session
from batch.settings import Settings, load_settings


def migrate(database_url: DatabaseOption = None, home: HomeOption = None) -> None:
    """Bring the database's schema up to this program."""
    settings = load_settings(database_url=database_url, home=home)
    applied = asyncio.run(apply_migrations(settings))
    for name in applied:
        say(f"applied {name}")
    if not applied:
        say("the schema is up to date")


def load(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="CSV files, globs, or - for standard input."),
    ],
    job_type: Annotated[
        list[JobType] | None,
        typer.Option("--type", help="Type of rows without one; repeatable. [AIMediaDNA]"),
    ] = None,
    config: Annotated[str | None, typer.Option(help="Config of rows without one, as JSON.")] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Submit the same media again, on purpose. [default]")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(help="Of rows without one; higher is sent first. [0]")
    ] = None,
    column: Annotated[str | None, typer.Option(help="Column that holds the media id.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of the files, such as gb18030; without it, detected.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Folder for lines that cannot be loaded. [beside the file]")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load CSV lists of media ids; nothing is sent yet."""
    settings = load_settings(
        type=tuple(job_type) if job_type else None, config=config, campaign=campaign,
        priority=priority, column=column, encoding=encoding, quarantine=quarantine,
        account=account, region=region, database_url=database_url, home=home,
    )  # fmt: skip
    configure_logs(settings.log_format)
    check_options(loading.intake_options(settings))
    asyncio.run(_load(expand_inputs(files), settings, as_json=as_json))


async def _load(sources: list[str], settings: Settings, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        for source in sources:
            report = await loading.load_manifest(session.database, session.target, source, settings)
            if as_json:
                say(json.dumps(asdict(report), default=str, ensure_ascii=False))
            else:
                say(*load_lines(report))


def submit(
    qps: Annotated[
        float | None, typer.Option(help="The account's quota in calls a second. [30]")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Requests on the wire at a time. [32]")
    ] = None,
    max_submissions: Annotated[
        int | None, typer.Option(help="Send no more than this many, then stop.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(metavar="HASH", help="Send exactly this plan, or nothing.")
    ] = None,
    budget: BudgetOption = None,
    skip_existing: SkipExistingOption = None,
    until: UntilOption = None,
    timezone: TimezoneOption = None,
    max_duration: MaxDurationOption = None,
    grace: Annotated[
        str | None, typer.Option(help="How long a stop waits for answers, such as 35s.")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit what is due, under the quota, until nothing is."""
    settings = load_settings(
        qps=qps, concurrency=concurrency, max_submissions=max_submissions, grace=grace,
        budget=budget, skip_existing=skip_existing, until=until, timezone=timezone,
        max_duration=max_duration,
        account=account, region=region, endpoint=endpoint, database_url=database_url, home=home,
    )  # fmt: skip
    configure_logs(settings.log_format)
    with watch_run() as watcher:
        summary = asyncio.run(_submit(settings, watcher, plan))
    if as_json:
        say(json.dumps(asdict(summary), default=str))
    else:
        say(*summary_lines(summary, settings.currency))
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
