"""The command that checks what a run needs: doctor."""

import asyncio
from typing import Annotated, Any

import typer

from batch.cli.asking import agrees, can_ask
from batch.cli.options import CLOUD, JsonOption, YesOption, one_type, read_flags, takes
from batch.cli.output import say, show
from batch.core.models import JobType
from batch.doctor import Check, examine
from batch.doctor.accepting import Acceptable, find_acceptable
from batch.errors import ConfigurationError, ExitCode, UsageError, most_urgent
from batch.logs import configure_logs
from batch.operate.selecting import media_id_of
from batch.session import open_session
from batch.settings import Settings
from batch.show.text.checks import check_facts, check_line


@takes(*CLOUD, load=dict)
def doctor(
    flags: dict[str, Any],
    confirm_replay: Annotated[
        bool,
        typer.Option("--confirm-replay", help="See by a free call that a nonce counts once."),
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="NAME", help="Let pass what a start stopped for, once."),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(metavar="MEDIA_ID", help="Learn by one paid job what no document says."),
    ] = None,
    pay: Annotated[
        int, typer.Option(help="How many jobs --probe may pay for: 1, or it does not begin.")
    ] = 0,
    job_type: Annotated[
        JobType, one_type("Type of the job that --probe pays for.")
    ] = JobType.MEDIA_DNA,
    yes: YesOption = False,
    *,
    as_json: JsonOption = False,
) -> None:
    acceptable = find_acceptable(accept) if accept is not None else None
    media_id = _media_to_probe(probe, pay)
    try:
        settings = read_flags(**flags)
    except ConfigurationError as error:
        fix = "fix it, then all the rest can be checked"
        _show(Check("settings", str(error), fix, error.exit_code), as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    configure_logs(settings.log_format, settings.log)
    if acceptable and accept:
        _accept(settings, accept, acceptable, yes=yes, as_json=as_json)
        return
    checks = asyncio.run(
        _doctor(settings, confirm_replay=confirm_replay or media_id is not None, as_json=as_json)
    )
    code = most_urgent(*(check.code for check in checks))
    if media_id is None:
        raise typer.Exit(code)
    if code is not ExitCode.DONE:
        say("nothing was paid: fix what is bad first")
        raise typer.Exit(code)
    raise typer.Exit(asyncio.run(_probe(settings, media_id, job_type, yes=yes, as_json=as_json)))


def _media_to_probe(probe: str | None, pay: int) -> str | None:
    """Return whose job is to be paid for, if one is.

    Raises:
        UsageError: it is not said that one job is to be paid for, or of which media.
    """
    if probe is None:
        if pay:
            raise UsageError("--pay is for --probe MEDIA_ID")
        return None
    if pay != 1:
        raise UsageError("a probe costs one job; to pay for it, add: --pay 1")
    return media_id_of(probe)


async def _probe(
    settings: Settings, media_id: str, job_type: JobType, *, yes: bool, as_json: bool
) -> ExitCode:
    """Ask, pay, and show a line a fact."""
    from batch.doctor.probe import prepare, run_probe

    async with open_session(settings) as session:
        prepared = await prepare(session, media_id, job_type)
        if not yes and not agrees(prepared.question):
            say("nothing was paid")
            return ExitCode.DONE
        codes = []
        async for check in run_probe(session, prepared):
            codes.append(check.code)
            _show(check, as_json=as_json)
    return most_urgent(*codes)


def _accept(
    settings: Settings, name: str, acceptable: Acceptable, *, yes: bool, as_json: bool
) -> None:
    """Show what would be accepted, ask where somebody can be asked, then accept it."""
    if not (yes or can_ask()):
        raise UsageError(f"nobody can be asked here; add --yes to doctor --accept {name}")
    shown = asyncio.run(acceptable.look(settings)) if acceptable.look else []
    if not as_json:
        say(*shown, f"to accept {name} means: {acceptable.means}")
    goes = yes or agrees(f"accept {name}?")
    done = asyncio.run(acceptable.accept(settings)) if goes else "nothing changed"
    facts = {"accept": name, "means": acceptable.means, "shown": shown, "changed": goes}
    show(facts | {"done": done}, [done], as_json=as_json)


def _show(check: Check, *, as_json: bool) -> None:
    show(check_facts(check), [check_line(check)], as_json=as_json)


async def _doctor(settings: Settings, *, confirm_replay: bool, as_json: bool) -> list[Check]:
    checks = []
    async for check in examine(settings, confirm_replay=confirm_replay):
        checks.append(check)
        _show(check, as_json=as_json)
    return checks


COMMANDS = {"doctor": doctor}
