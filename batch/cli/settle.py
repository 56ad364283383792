"""Commands that settle what is open: reconcile, resolve, and the look into the journal."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
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
from batch.cli.render import evidence_lines, journal_lines, reconcile_lines, say
from batch.core.models import JobType
from batch.engine import recovery, resolving, service
from batch.engine.selecting import media_id_of
from batch.errors import ExitCode, UsageError, most_urgent
from batch.ledger.doubts import Doubts, OpenDoubt
from batch.ledger.opening import open_ledger
from batch.logs import configure_logs
from batch.settings import Settings, load_settings
from batch.vod.credentials import CredentialSource


def reconcile(
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    settle: Annotated[
        str | None, typer.Option(help="Age from which finding no job proves absence. [1h]")
    ] = None,
    qps: Annotated[
        float | None, typer.Option(help="The account's quota in calls a second. [30]")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle doubts and follow jobs to their end."""
    settings = load_settings(
        settle=settle, qps=qps, account=account, region=region, endpoint=endpoint,
        database_url=database_url, home=home,
    )  # fmt: skip
    configure_logs(settings.log_format)
    summary = asyncio.run(service.reconcile(settings, once=once))
    say(*([json.dumps(asdict(summary))] if as_json else reconcile_lines(summary)))
    raise typer.Exit(most_urgent(*summary.exit_codes))


def resolve(
    media_id: Annotated[str | None, typer.Argument(help="Whose doubts to decide.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All doubts of the target.")] = False,
    adopt: Annotated[
        str | None, typer.Option(metavar="JOB_ID", help="This job is the submission's.")
    ] = None,
    absent: Annotated[bool, typer.Option("--absent", help="No job exists; send it again.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send it again, even if that pays twice.")
    ] = False,
    job_type: Annotated[
        JobType | None, typer.Option("--type", help="Only doubts of this type.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    account: AccountOption = None,
    region: RegionOption = None,
    endpoint: EndpointOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
) -> None:
    """Decide what no look-up could: show the evidence, ask, then do as told."""
    word = _word(adopt, absent=absent, resend=resend)
    if (media_id is None) == (not everything):
        raise UsageError("name a media id, or --all")
    media_id = media_id_of(media_id) if media_id is not None else None
    settings = load_settings(
        account=account, region=region, endpoint=endpoint, database_url=database_url, home=home
    )
    configure_logs(settings.log_format)
    raise typer.Exit(asyncio.run(_resolve(settings, media_id, job_type, word, adopt, yes=yes)))


def _word(adopt: str | None, *, absent: bool, resend: bool) -> resolving.Word | None:
    words = {
        resolving.Word.ADOPT: adopt is not None,
        resolving.Word.ABSENT: absent,
        resolving.Word.RESEND: resend,
    }
    said = [word for word, is_said in words.items() if is_said]
    if len(said) > 1:
        raise UsageError("say one of --adopt JOB_ID, --absent, --resend")
    return said[0] if said else None


async def _resolve(
    settings: Settings,
    media_id: str | None,
    job_type: JobType | None,
    word: resolving.Word | None,
    job_id: str | None,
    *,
    yes: bool,
) -> ExitCode:
    async with open_ledger(settings) as (database, store):
        doubts = Doubts(database, store.target)
        found = await _every_doubt(doubts, media_id)
        chosen = resolving.chosen_doubts(found, job_type)
        if not chosen:
            say("nothing is in doubt" + (f" for {media_id}" if media_id else ""))
            return ExitCode.DONE
        await _show_evidence(settings, doubts, chosen)
        if word is None:
            say("", "Decide with --adopt JOB_ID, --absent or --resend.")
            return ExitCode.DONE_WITH_DOUBTS
        question = f"{word.value} for {len(chosen)} submission(s)?"
        if not yes and not agrees(question):
            say("nothing changed")
            return ExitCode.DONE_WITH_DOUBTS
        moved = await resolving.resolve(doubts, chosen, word, job_id)
    say(f"{len(moved)} of {len(chosen)} submission(s) moved")
    return ExitCode.DONE if len(moved) == len(found) else ExitCode.DONE_WITH_DOUBTS


async def _every_doubt(doubts: Doubts, media_id: str | None) -> list[OpenDoubt]:
    found: list[OpenDoubt] = []
    while page := await doubts.list_doubts(after=found[-1].id if found else 0, media_id=media_id):
        found += page
    return found


async def _show_evidence(settings: Settings, doubts: Doubts, chosen: Sequence[OpenDoubt]) -> None:
    """Show what is known of each doubt; the cloud is asked about the first few only."""
    async with service.cloud_client(settings, CredentialSource()) as client:
        evidence = await resolving.gather_evidence(chosen[:_SHOWN], doubts, client)
    for each in evidence:
        say(*evidence_lines(each))
    if len(chosen) > _SHOWN:
        say(f"... and {len(chosen) - _SHOWN} more in doubt")


_SHOWN = 20


journal = typer.Typer(name="journal", help="The second record, on this machine's disk.")


@journal.callback()
def _journal() -> None:
    """Keep ``journal check`` two words while it is the only one."""


@journal.command("check")
def journal_check(
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
) -> None:
    """Compare the journals with PostgreSQL; change nothing."""
    settings = load_settings(account=account, region=region, database_url=database_url, home=home)
    configure_logs(settings.log_format)
    differs = asyncio.run(_journal_check(settings))
    raise typer.Exit(ExitCode.DONE_WITH_DOUBTS if differs else ExitCode.DONE)


async def _journal_check(settings: Settings) -> bool:
    async with open_ledger(settings) as (database, store):
        checks = await recovery.check_journals(database, store.target, settings.journal_path)
    say(*journal_lines(checks, settings.journal_path))
    return any(
        check.comparison.differs or (check.damaged_lines and not check.is_known) for check in checks
    )


COMMANDS = {"reconcile": reconcile, "resolve": resolve, "journal": journal}
