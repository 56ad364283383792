"""Commands that settle what is open: reconcile, resolve, and the look into the journal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from batch import api
from batch.cli.asking import agrees
from batch.cli.examples import epilog
from batch.cli.options import CLOUD, LEDGER, JsonOption, YesOption, one_type, read_flags, takes
from batch.cli.output import say, show
from batch.core.models import JobType
from batch.errors import ExitCode, UsageError, most_urgent
from batch.ledger import recovery
from batch.ledger.doubts import Doubts, OpenDoubt
from batch.ledger.operators import Operators
from batch.ledger.owners import Owners
from batch.logs import configure_logs
from batch.operate.selecting import media_id_of
from batch.reconcile import owning, resolving
from batch.reconcile.resolving import Resolution, operator_name
from batch.session import open_session
from batch.settings import Settings
from batch.show.text.checks import journal_lines
from batch.show.text.doubts import evidence_lines, owned_line
from batch.show.text.runs import reconcile_lines
from batch.vod.client import VodClient
from batch.vod.pace import limiter


@takes("settle", "qps", "log", *CLOUD)
def reconcile(
    settings: Settings,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    *,
    as_json: JsonOption = False,
) -> None:
    configure_logs(settings.log_format, settings.log)
    summary = asyncio.run(api.reconcile(settings, once=once))
    show(summary, reconcile_lines(summary), as_json=as_json)
    raise typer.Exit(most_urgent(*summary.exit_codes))


@takes(*CLOUD, load=dict)
def resolve(
    flags: dict[str, Any],
    media_id: Annotated[
        str | None, typer.Argument(metavar="MEDIA_ID", help="Whose doubts to decide.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All doubts of the target.")] = False,
    adopt: Annotated[
        str | None, typer.Option(metavar="JOB_ID", help="This job is the submission's.")
    ] = None,
    absent: Annotated[bool, typer.Option("--absent", help="No job exists; send it again.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send it again, even if that pays twice.")
    ] = False,
    disown: Annotated[
        bool, typer.Option("--disown", help="The JobId it holds is not its own: in doubt again.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Adopt or disown although the cloud does not name the job."),
    ] = False,
    job_type: Annotated[JobType | None, one_type("Only submissions of this type.")] = None,
    yes: YesOption = False,
) -> None:
    resolution = _resolution(adopt, absent=absent, resend=resend, disown=disown)
    if force and resolution not in (Resolution.ADOPT, Resolution.DISOWN):
        raise UsageError("--force goes with --adopt JOB_ID or --disown")
    if (media_id is None) == (not everything):
        raise UsageError("name a media id, or --all")
    media_id = media_id_of(media_id) if media_id is not None else None
    settings = read_flags(**flags)
    configure_logs(settings.log_format, settings.log)
    choice = _Choice(media_id, job_type, resolution, adopt, force=force, yes=yes)
    raise typer.Exit(asyncio.run(_resolve(settings, choice)))


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the command line says; without a media id all of the target are meant."""

    media_id: str | None
    job_type: JobType | None
    resolution: Resolution | None
    job_id: str | None
    force: bool
    yes: bool

    @property
    def whose(self) -> str:
        """Whose submissions, as the end of a sentence."""
        return f" for {self.media_id}" if self.media_id else ""

    def agrees(self, count: int) -> bool:
        """Ask whether to do it to so many submissions; with ``--yes`` nobody is asked."""
        assert self.resolution
        return self.yes or agrees(f"{self.resolution.value} for {count} submission(s)?")


def _resolution(
    adopt: str | None, *, absent: bool, resend: bool, disown: bool
) -> Resolution | None:
    given = {
        Resolution.ADOPT: adopt is not None,
        Resolution.ABSENT: absent,
        Resolution.RESEND: resend,
        Resolution.DISOWN: disown,
    }
    chosen = [resolution for resolution, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise UsageError("say one of --adopt JOB_ID, --absent, --resend, --disown")
    return chosen[0] if chosen else None


async def _resolve(settings: Settings, choice: _Choice) -> ExitCode:
    async with open_session(settings) as session:
        database, target, client = session.database, session.target, await session.client()
        if choice.media_id is not None:
            await Operators(database, target).insist_on_known([choice.media_id])
        owners = Owners(database, target)
        if choice.resolution is Resolution.DISOWN:
            return await _disown(settings, choice, owners, client)
        doubts = Doubts(database, target)
        found = await _every_doubt(doubts, choice.media_id)
        chosen = resolving.chosen_doubts(found, choice.job_type)
        if not choice.resolution:
            await _show_unknown(choice, owners)
        if not chosen:
            say("nothing is in doubt" + choice.whose)
            return ExitCode.DONE
        await _show_evidence(doubts, client, chosen)
        if choice.resolution is None:
            say("", "Decide with --adopt JOB_ID, --absent or --resend.")
            return ExitCode.DONE_WITH_DOUBTS
        if choice.job_id is not None:
            doubt = await resolving.adopting(doubts, chosen, choice.job_id)
            pace = limiter(settings.poll_qps)
            say(*await owning.check_adoption(
                client, pace, doubt, choice.job_id, force=choice.force
            ))  # fmt: skip
        if not choice.agrees(len(chosen)):
            say("nothing changed")
            return ExitCode.DONE_WITH_DOUBTS
        moved = await resolving.resolve(doubts, chosen, choice.resolution, choice.job_id)
    say(f"{len(moved)} of {len(chosen)} submission(s) moved")
    return ExitCode.DONE if len(moved) == len(found) else ExitCode.DONE_WITH_DOUBTS


async def _disown(
    settings: Settings, choice: _Choice, owners: Owners, client: VodClient
) -> ExitCode:
    """Put submissions back in doubt whose JobId the cloud does not know as theirs."""
    owned = await owners.find(
        choice.media_id, choice.job_type, only_unknown=choice.media_id is None
    )
    if not owned:
        say("there is no open job" + choice.whose)
        return ExitCode.DONE
    said = await owning.ask(client, limiter(settings.poll_qps), owned)
    say(*(owned_line(one, word.words) for one, word in zip(owned, said, strict=True)))
    leaving = owning.disowned(owned, said, force=choice.force)
    if not choice.agrees(len(leaving)):
        say("nothing changed")
        return ExitCode.DONE
    moved = await owners.disown(leaving, operator_name())
    say(f"{len(moved)} of {len(owned)} submission(s) are in doubt")
    return ExitCode.DONE_WITH_DOUBTS if moved else ExitCode.DONE


async def _show_unknown(choice: _Choice, owners: Owners) -> None:
    for one in await owners.find(choice.media_id, choice.job_type, only_unknown=True):
        say(owned_line(one, "the cloud does not know it; see --disown"))


async def _every_doubt(doubts: Doubts, media_id: str | None) -> list[OpenDoubt]:
    found: list[OpenDoubt] = []
    while page := await doubts.list_doubts(after=found[-1].id if found else 0, media_id=media_id):
        found += page
    return found


async def _show_evidence(doubts: Doubts, client: VodClient, chosen: Sequence[OpenDoubt]) -> None:
    """Show what is known of each doubt; the cloud is asked about the first few only."""
    evidence = await resolving.gather_evidence(chosen[:_SHOWN], doubts, client)
    for each in evidence:
        say(*evidence_lines(each))
    if len(chosen) > _SHOWN:
        say(f"... and {len(chosen) - _SHOWN} more in doubt")


_SHOWN = 20


journal = typer.Typer()


@journal.callback()
def _journal() -> None:
    """Keep ``journal check`` two words while it is the only one."""


@journal.command("check", epilog=epilog("journal"))
@takes(*LEDGER)
def journal_check(settings: Settings) -> None:
    """Compare the journals with PostgreSQL; change nothing."""
    configure_logs(settings.log_format, settings.log)
    differs = asyncio.run(_journal_check(settings))
    raise typer.Exit(ExitCode.DONE_WITH_DOUBTS if differs else ExitCode.DONE)


async def _journal_check(settings: Settings) -> bool:
    async with open_session(settings) as session:
        checks = await recovery.check_journals(
            session.database, session.target, settings.journal_path
        )
    say(*journal_lines(checks, settings.journal_path))
    return any(
        check.comparison.differs or (check.damaged_lines and not check.is_known) for check in checks
    )


COMMANDS = {"reconcile": reconcile, "resolve": resolve, "journal": journal}
