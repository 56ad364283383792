"""Commands that only look: plan, status, export, report."""

import asyncio
import contextlib
import csv
import sys
from typing import Annotated, Literal

import typer

from batch import api
from batch.cli.options import LEDGER, MOST_BATCHES, JsonOption, takes
from batch.cli.output import show
from batch.core.deadline import find_zone
from batch.core.states import State
from batch.errors import UsageError
from batch.session import open_session
from batch.settings import Settings
from batch.show.insights import EXPORT_COLUMNS, Insights
from batch.show.needs import page_facts
from batch.show.plain import as_json as to_json
from batch.show.text.night import morning_lines
from batch.show.text.runs import plan_lines


@takes(*LEDGER)
def status(settings: Settings, *, as_json: JsonOption = False) -> None:
    asyncio.run(_status(settings, as_json=as_json))


async def _status(settings: Settings, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        insights = Insights(session.database, session.target)
        found = await insights.status(settings.heartbeat_timeout.total_seconds())
    from batch.show.text.status import status_lines  # tables are slow to import

    show(found, status_lines(found), as_json=as_json)


@takes("qps", *LEDGER)
def plan(settings: Settings, *, as_json: JsonOption = False) -> None:
    found = asyncio.run(api.plan(settings))
    show(found, plan_lines(found), as_json=as_json)


_Format = Literal["csv", "jsonl"]


@takes(*LEDGER)
def export(
    settings: Settings,
    output: Annotated[_Format, typer.Option("--format", help="csv or jsonl.")] = "csv",
    state: Annotated[State | None, typer.Option(help="Only rows in this state.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MOST_BATCHES, help="Only rows of this batch.")
    ] = None,
) -> None:
    asyncio.run(_export(settings, output, state, batch))


async def _export(
    settings: Settings, output: _Format, state: State | None, batch: int | None
) -> None:
    async with (
        open_session(settings) as session,
        # Closed at once when our reader has gone, or the ledger would wait for its connection.
        contextlib.aclosing(
            Insights(session.database, session.target).export(state, batch)
        ) as rows,
    ):
        if output == "jsonl":
            async for row in rows:
                sys.stdout.write(to_json(row) + "\n")
        else:
            writer = csv.DictWriter(sys.stdout, EXPORT_COLUMNS, lineterminator="\n")
            writer.writeheader()
            async for row in rows:
                writer.writerow(row)
        sys.stdout.flush()


@takes("timezone", *LEDGER)
def report(
    settings: Settings,
    run: Annotated[str | None, typer.Option(help="Of this run. [the newest night]")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    asyncio.run(_report(settings, run, as_json=as_json))


async def _report(settings: Settings, run: str | None, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        insights = Insights(session.database, session.target)
        facts = await insights.night(run)
        if facts is None:
            raise UsageError("no night has ended here yet; run: vod-batch nightly INBOX")
        status = await insights.status(settings.heartbeat_timeout.total_seconds())
    lines = morning_lines(facts, status, find_zone(settings.timezone))
    show(page_facts(facts, status), lines, as_json=as_json)


COMMANDS = {"plan": plan, "status": status, "export": export, "report": report}
