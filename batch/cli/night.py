"""Commands of the night shift: nightly, report."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

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
    TimezoneOption,
    UntilOption,
)
from batch.cli.progress import watch_run
from batch.cli.render import say
from batch.core.deadline import find_zone
from batch.core.models import JobType
from batch.engine import service
from batch.engine.inbox import Inbox
from batch.engine.nightly import Night, night_facts, run_night
from batch.errors import UsageError
from batch.logs import configure_logs
from batch.notify.channels import Notifier
from batch.notify.message import Message
from batch.notify.textfile import night_metrics, record_textfile
from batch.report.insights import Insights
from batch.report.morning import morning_lines
from batch.report.results import write_results
from batch.settings import Settings, load_settings


def nightly(
    inbox: Annotated[Path, typer.Argument(help="Folder that new CSV files arrive in.")],
    until: UntilOption = None,
    timezone: TimezoneOption = None,
    max_duration: MaxDurationOption = None,
    budget: BudgetOption = None,
    preflight: Annotated[
        bool | None,
        typer.Option("--preflight/--no-preflight", help="Look at media first, free. [yes]"),
    ] = None,
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
        max_submissions=max_submissions, budget=budget, type=tuple(job_type) if job_type else None,
        campaign=campaign, account=account, region=region, endpoint=endpoint,
        database_url=database_url, home=home,
    )  # fmt: skip
    configure_logs(settings.log_format)
    raise typer.Exit(asyncio.run(_nightly(settings, inbox, as_json=as_json)))


async def _nightly(settings: Settings, folder: Path, *, as_json: bool) -> int:
    inbox = Inbox(folder, settings.settled_after.total_seconds())
    notifier = Notifier.from_settings(settings)
    # A monitor that hangs must not hold the night up.
    telling: list[asyncio.Task[object]] = []

    def on_start(night: Night) -> None:
        telling.append(asyncio.create_task(notifier.started(str(night.run))))

    with watch_run() as watcher:
        night = await run_night(settings, inbox, watcher, on_start=on_start)
    await asyncio.gather(*telling)
    facts, text, states = await _look_back(settings, night)
    say(json.dumps(facts, default=str, ensure_ascii=False) if as_json else text)
    await _tell(settings, notifier, night, text, facts)
    _keep_metrics(settings, night, states)
    return int(night.exit_code)


async def _look_back(
    settings: Settings, night: Night
) -> tuple[dict[str, Any], str, dict[str, int]]:
    """Write the result files; return the report as facts and as text, and the states."""
    facts = json.loads(json.dumps(night_facts(night), default=str))
    async with service.open_ledger(settings) as (database, store):
        insights = Insights(database, store.target)
        await write_results(insights, night.moved)
        status = await insights.status(settings.heartbeat_timeout.total_seconds())
    lines = morning_lines(facts, status, find_zone(settings.timezone))
    return facts, "\n".join(lines), status.states


async def _tell(
    settings: Settings, notifier: Notifier, night: Night, text: str, facts: dict[str, Any]
) -> None:
    code = night.exit_code
    title = (
        f"vod-batch: night of {settings.account} in {settings.region} ended with "
        f"{int(code)} ({code.name.lower().replace('_', ' ')})"
    )
    await notifier.ended(Message(title, text, facts, int(code), str(night.run)))


def _keep_metrics(settings: Settings, night: Night, states: dict[str, int]) -> None:
    if settings.textfile:
        metrics = night_metrics(
            account=settings.account,
            region=settings.region,
            exit_code=int(night.exit_code),
            started_at=night.started_at,
            ended_at=night.ended_at or night.started_at,
            states=states,
            success_codes=settings.ping_success_codes,
        )
        record_textfile(settings.textfile, metrics)


def report(
    run: Annotated[str | None, typer.Option(help="Of this run. [the newest night]")] = None,
    timezone: TimezoneOption = None,
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the morning page of the newest night."""
    settings = load_settings(
        timezone=timezone, account=account, region=region, database_url=database_url, home=home
    )
    asyncio.run(_report(settings, run, as_json=as_json))


async def _report(settings: Settings, run: str | None, *, as_json: bool) -> None:
    async with service.open_ledger(settings) as (database, store):
        insights = Insights(database, store.target)
        facts = await insights.night(run)
        if facts is None:
            raise UsageError("no night has ended here yet; run: vod-batch nightly INBOX")
        status = await insights.status(settings.heartbeat_timeout.total_seconds())
    if as_json:
        say(json.dumps(facts, ensure_ascii=False))
    else:
        say(*morning_lines(facts, status, find_zone(settings.timezone)))


COMMANDS = {"nightly": nightly, "report": report}
