"""Commands that only look: plan, status, export, report."""

import asyncio
import contextlib
import csv
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from batch.cli.options import (
    MOST_BATCHES,
    AccountOption,
    DatabaseOption,
    ExportFormat,
    HomeOption,
    JsonOption,
    RegionOption,
    TimezoneOption,
)
from batch.cli.render import plan_lines, say
from batch.core.deadline import find_zone
from batch.core.states import State
from batch.errors import UsageError
from batch.report.insights import EXPORT_COLUMNS, Insights
from batch.report.morning import morning_lines
from batch.session import open_session
from batch.settings import Settings, load_settings

if TYPE_CHECKING:
    from batch.engine.planning import Plan


def status(
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many submissions stand where, batch by batch."""
    settings = load_settings(account=account, region=region, database_url=database_url, home=home)
    asyncio.run(_status(settings, as_json=as_json))


async def _status(settings: Settings, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        insights = Insights(session.database, session.target)
        found = await insights.status(settings.heartbeat_timeout.total_seconds())
    if as_json:
        say(found.as_json())
    else:
        from batch.cli.render_status import show_status

        show_status(found)


def plan(
    qps: Annotated[
        float | None, typer.Option(help="The account's quota in calls a second. [30]")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a submit would send, how long it takes and what it may cost; no call is made."""
    settings = load_settings(
        qps=qps, account=account, region=region, database_url=database_url, home=home
    )
    found = asyncio.run(_plan(settings))
    if as_json:
        say(json.dumps(asdict(found), default=str))
    else:
        say(*plan_lines(found))


async def _plan(settings: Settings) -> "Plan":
    from batch.engine.planning import planner_of

    async with open_session(settings) as session:
        return await planner_of(session, session.database).plan()


def export(
    output: Annotated[ExportFormat, typer.Option("--format", help="csv or jsonl.")] = (
        ExportFormat.CSV
    ),
    state: Annotated[State | None, typer.Option(help="Only rows in this state.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MOST_BATCHES, help="Only rows of this batch.")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
) -> None:
    """Print one row a submission, in manifest order."""
    settings = load_settings(account=account, region=region, database_url=database_url, home=home)
    asyncio.run(_export(settings, output, state, batch))


async def _export(
    settings: Settings, output: ExportFormat, state: State | None, batch: int | None
) -> None:
    async with (
        open_session(settings) as session,
        # Closed at once when our reader has gone, or the ledger would wait for its connection.
        contextlib.aclosing(
            Insights(session.database, session.target).export(state, batch)
        ) as rows,
    ):
        if output is ExportFormat.JSONL:
            async for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            writer = csv.DictWriter(sys.stdout, EXPORT_COLUMNS, lineterminator="\n")
            writer.writeheader()
            async for row in rows:
                writer.writerow(row)
        sys.stdout.flush()


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
    async with open_session(settings) as session:
        insights = Insights(session.database, session.target)
        facts = await insights.night(run)
        if facts is None:
            raise UsageError("no night has ended here yet; run: vod-batch nightly INBOX")
        status = await insights.status(settings.heartbeat_timeout.total_seconds())
    if as_json:
        say(json.dumps(facts, ensure_ascii=False))
    else:
        say(*morning_lines(facts, status, find_zone(settings.timezone)))


COMMANDS = {"plan": plan, "status": status, "export": export, "report": report}
