"""The command that checks what a run needs: doctor."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from batch.cli.options import (
    AccountOption,
    DatabaseOption,
    EndpointOption,
    HomeOption,
    JsonOption,
    RegionOption,
)
from batch.cli.render import check_line, say
from batch.engine import doctor as examination
from batch.errors import most_urgent
from batch.logs import configure_logs
from batch.settings import Settings, load_settings


def doctor(
    confirm_replay: Annotated[
        bool,
        typer.Option("--confirm-replay", help="See by a free call that a nonce counts once."),
    ] = False,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check what a run needs; nothing is spent."""
    settings = load_settings(
        account=account, region=region, endpoint=endpoint, database_url=database_url, home=home
    )
    configure_logs(settings.log_format)
    checks = asyncio.run(_doctor(settings, confirm_replay=confirm_replay, as_json=as_json))
    raise typer.Exit(most_urgent(*(check.code for check in checks)))


async def _doctor(
    settings: Settings, *, confirm_replay: bool, as_json: bool
) -> list[examination.Check]:
    checks = []
    async for check in examination.examine(settings, confirm_replay=confirm_replay):
        checks.append(check)
        say(json.dumps(asdict(check)) if as_json else check_line(check))
    return checks


COMMANDS = {"doctor": doctor}
