"""The command of the night shift: nightly."""

import asyncio
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
from batch.core.models import JobType
from batch.engine.inbox import Inbox
from batch.engine.night_lock import hold_night
from batch.settings import Settings, load_settings


def nightly(
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="Folder that new CSV files arrive in.")
    ],
    until: UntilOption = None,
    timezone: TimezoneOption = None,
    max_duration: MaxDurationOption = None,
    budget: BudgetOption = None,
    preflight: Annotated[
        bool | None,
        typer.Option("--preflight/--no-preflight", help="Look at media first, free. [yes]"),
    ] = None,
    skip_existing: SkipExistingOption = None,
    qps: Annotated[
        float | None, typer.Option(help="The account's quota in calls a second. [30]")
    ] = None,
    max_submissions: Annotated[
        int | None, typer.Option(help="Send no more than this many, then stop.")
    ] = None,
    job_type: Annotated[
        list[JobType] | None,
        typer.Option("--type", help="Type of rows without one; repeatable. [AIMediaDNA]"),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Submit the same media again, on purpose. [default]")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load new files, look, submit, reconcile, report: the one line in crontab."""
    settings = load_settings(
        until=until, timezone=timezone, max_duration=max_duration, preflight=preflight, qps=qps,
        max_submissions=max_submissions, budget=budget, skip_existing=skip_existing,
        type=tuple(job_type) if job_type else None,
        campaign=campaign, account=account, region=region, endpoint=endpoint,
        database_url=database_url, home=home,
    )  # fmt: skip
    raise typer.Exit(asyncio.run(_nightly(settings, inbox, as_json=as_json)))


async def _nightly(settings: Settings, folder: Path, *, as_json: bool) -> int:
    inbox = Inbox(folder, settings.settled_after.total_seconds())
    async with hold_night(settings) as held:
        # Only who has the lock waits for the engine, the cloud's client and the notifier to load.
        from batch.cli.night_shift import spend_night

        return await spend_night(held, inbox, as_json=as_json)


COMMANDS = {"nightly": nightly}
