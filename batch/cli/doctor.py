"""The command that checks what a run needs: doctor."""

import asyncio
import json
import sys
from typing import Annotated

import typer

from batch.cli.asking import agrees
from batch.cli.options import (
    AccountOption,
    DatabaseOption,
    EndpointOption,
    HomeOption,
    JsonOption,
    RegionOption,
)
from batch.cli.render import check_line, say
from batch.engine.doctor import Check, examine
from batch.engine.doctor.accepting import Acceptable, find_acceptable
from batch.errors import ConfigurationError, UsageError, most_urgent
from batch.logs import configure_logs
from batch.settings import Settings, load_settings


def doctor(
    confirm_replay: Annotated[
        bool,
        typer.Option("--confirm-replay", help="See by a free call that a nonce counts once."),
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="NAME", help="Let pass what a start stopped for, once."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --accept: do not ask.")] = False,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check what a run needs; nothing is spent."""
    acceptable = find_acceptable(accept) if accept is not None else None
    try:
        settings = load_settings(
            account=account, region=region, endpoint=endpoint, database_url=database_url, home=home
        )
    except ConfigurationError as error:
        mend = "mend it, then all the rest can be checked"
        _show(Check("settings", str(error), mend, error.exit_code), as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    configure_logs(settings.log_format)
    if acceptable and accept:
        _accept(settings, accept, acceptable, yes=yes, as_json=as_json)
        return
    checks = asyncio.run(_doctor(settings, confirm_replay=confirm_replay, as_json=as_json))
    raise typer.Exit(most_urgent(*(check.code for check in checks)))


def _accept(
    settings: Settings, name: str, acceptable: Acceptable, *, yes: bool, as_json: bool
) -> None:
    """Show what would be accepted, ask where somebody can be asked, then accept it."""
    if not (yes or (sys.stdin and sys.stdin.isatty())):
        raise UsageError(f"nobody can be asked here; add --yes to doctor --accept {name}")
    shown = asyncio.run(acceptable.look(settings)) if acceptable.look else []
    if not as_json:
        say(*shown, f"to accept {name} means: {acceptable.means}")
    goes = yes or agrees(f"accept {name}?")
    done = asyncio.run(acceptable.accept(settings)) if goes else "nothing changed"
    told = {"accept": name, "means": acceptable.means, "shown": shown, "changed": goes}
    say(json.dumps(told | {"done": done}, ensure_ascii=False) if as_json else done)


def _show(check: Check, *, as_json: bool) -> None:
    told = {
        "name": check.name,
        "verdict": check.verdict,
        "detail": check.detail,
        "mend": check.mend,
        "code": check.code,
    }
    say(json.dumps(told, ensure_ascii=False) if as_json else check_line(check))


async def _doctor(settings: Settings, *, confirm_replay: bool, as_json: bool) -> list[Check]:
    checks = []
    async for check in examine(settings, confirm_replay=confirm_replay):
        checks.append(check)
        _show(check, as_json=as_json)
    return checks


COMMANDS = {"doctor": doctor}
