"""The operator's commands: why, retry, cancel, pause, resume."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from batch.cli.asking import agrees, can_ask
from batch.cli.options import LEDGER, MOST_BATCHES, JsonOption, YesOption, one_type, takes
from batch.cli.output import say, show
from batch.core.models import JobType
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.operators import Operators, Selection
from batch.logs import configure_logs
from batch.operate import operating
from batch.operate.selecting import Command, Selectors, media_id_of, select
from batch.reconcile.resolving import operator_name
from batch.session import open_session
from batch.settings import Settings
from batch.show.story import tell_story
from batch.show.text.change import change_facts, change_lines, done_line
from batch.show.text.story import story_lines


@takes(*LEDGER)
def why(
    settings: Settings,
    media_id: Annotated[str, typer.Argument(metavar="MEDIA_ID", help="Whose story to show.")],
    *,
    as_json: JsonOption = False,
) -> None:
    configure_logs(settings.log_format, settings.log)
    asyncio.run(_why(settings, media_id_of(media_id), as_json=as_json))


async def _why(settings: Settings, media_id: str, *, as_json: bool) -> None:
    async with open_session(settings) as session:
        story = await tell_story(
            session.database,
            session.target,
            media_id,
            settle=settings.settle,
            max_attempts=settings.max_attempts,
            silence=settings.heartbeat_timeout,
        )
    show(story.facts(), story_lines(story), as_json=as_json)


def _command(command: Command) -> Callable[..., None]:
    """Make one of the commands; all of them select alike."""

    @takes(*LEDGER)
    def run(
        settings: Settings,
        media_ids: Annotated[
            list[str] | None,
            typer.Argument(metavar="MEDIA_ID", help="Submissions of these media."),
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="The whole target.")] = False,
        state: Annotated[
            list[State] | None, typer.Option(help="Only in this state; repeatable.")
        ] = None,
        code: Annotated[
            str | None, typer.Option(help="Only with this error code, in any case.")
        ] = None,
        batch: Annotated[
            int | None, typer.Option(min=1, max=MOST_BATCHES, help="Only of this batch.")
        ] = None,
        ids: Annotated[
            str | None,
            typer.Option(metavar="FILE", help="Only media of this list, or - (standard input)."),
        ] = None,
        job_type: Annotated[JobType | None, one_type("Only of this type.")] = None,
        campaign: Annotated[str | None, typer.Option(help="Only of this campaign.")] = None,
        reason: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
        ] = False,
        yes: YesOption = False,
        *,
        as_json: JsonOption = False,
    ) -> None:
        configure_logs(settings.log_format, settings.log)
        named = tuple(media_id.strip() for media_id in media_ids or ())
        states = tuple(state or ())
        selectors = Selectors(named, everything, states, code, batch, ids, job_type, campaign)
        selection = select(selectors, settings)
        if not (dry_run or yes or can_ask()):
            raise UsageError(
                f"nobody can be asked here; add --yes to {command}, or --dry-run to see what it "
                "would do"
            )
        order = _Order(
            command, selectors, selection, reason, dry_run=dry_run, yes=yes, as_json=as_json
        )
        asyncio.run(_carry_out(settings, order))

    return run


@dataclass(frozen=True, slots=True)
class _Order:
    """What the command line says to do, and how."""

    command: Command
    selectors: Selectors
    selection: Selection
    reason: str | None
    dry_run: bool
    yes: bool
    as_json: bool


async def _carry_out(settings: Settings, order: _Order) -> None:
    """Show what the command would do, ask, then do it."""
    async with open_session(settings) as session:
        operators = Operators(session.database, session.target)
        change = await operating.preview(
            operators, order.command, order.selectors, order.selection, order.reason
        )
        if not order.as_json:
            say(*change_lines(change, dry_run=order.dry_run))
        question = f"{change.command} {change.count:,} submission(s)?"
        goes = change.has_effect and not order.dry_run and (order.yes or agrees(question))
        done = operating.Done(0)
        if goes:
            done = await operating.carry_out(operators, change, operator_name())
    facts = change_facts(change, done, dry_run=order.dry_run, changed=goes)
    show(facts, [done_line(change, done) if goes else "nothing changed"], as_json=order.as_json)


COMMANDS = {"why": why, **{each.value: _command(each) for each in Command}}
