"""The operator's words: why, retry, cancel, pause, resume."""

import asyncio
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from batch.cli.asking import agrees
from batch.cli.options import (
    MOST_BATCHES,
    AccountOption,
    DatabaseOption,
    HomeOption,
    JsonOption,
    RegionOption,
)
from batch.cli.render import say
from batch.cli.render_story import done_line, plan_lines, story_lines
from batch.core.models import JobType
from batch.core.states import State
from batch.engine import operating
from batch.engine.resolving import operator_name
from batch.engine.selecting import Spoken, Word, media_id_of, select
from batch.errors import UsageError
from batch.ledger.operators import Operators, Selection
from batch.logs import configure_logs
from batch.report.cost_story import cost_sections
from batch.report.story import tell_story
from batch.session import open_session
from batch.settings import Settings, load_settings

MediaArgument = Annotated[
    list[str] | None, typer.Argument(metavar="MEDIA_ID", help="Submissions of these media.")
]
AllOption = Annotated[bool, typer.Option("--all", help="The whole target.")]
StateOption = Annotated[
    list[State] | None, typer.Option("--state", help="Only in this state; repeatable.")
]
CodeOption = Annotated[
    str | None, typer.Option("--code", help="Only with this error code, in any case.")
]
BatchOption = Annotated[
    int | None, typer.Option("--batch", min=1, max=MOST_BATCHES, help="Only of this batch.")
]
IdsOption = Annotated[
    str | None,
    typer.Option("--ids", metavar="FILE", help="Only media of this list, or - (standard input)."),
]
TypeOption = Annotated[JobType | None, typer.Option("--type", help="Only of this type.")]
CampaignOption = Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, for the history.")]


def why(
    media_id: Annotated[str, typer.Argument(metavar="MEDIA_ID", help="Whose story to tell.")],
    account: AccountOption = None,
    region: RegionOption = None,
    database_url: DatabaseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a media's whole story: where it came from, every attempt, and what holds it now."""
    settings = load_settings(account=account, region=region, database_url=database_url, home=home)
    configure_logs(settings.log_format)
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
            sources=[functools.partial(cost_sections, session.database)],
        )
    say(*([story.as_json()] if as_json else story_lines(story)))


def _command(word: Word, says: str) -> Callable[..., None]:
    """Make the command of a word; all of them select alike."""

    def command(
        media_ids: MediaArgument = None,
        everything: AllOption = False,
        state: StateOption = None,
        code: CodeOption = None,
        batch: BatchOption = None,
        ids: IdsOption = None,
        job_type: TypeOption = None,
        campaign: CampaignOption = None,
        reason: ReasonOption = None,
        dry_run: DryRunOption = False,
        yes: YesOption = False,
        account: AccountOption = None,
        region: RegionOption = None,
        database_url: DatabaseOption = None,
        home: HomeOption = None,
        as_json: JsonOption = False,
    ) -> None:
        settings = load_settings(
            account=account, region=region, database_url=database_url, home=home
        )
        spoken = Spoken(
            tuple(media_id.strip() for media_id in media_ids or ()),
            everything,
            tuple(state or ()),
            code,
            batch,
            ids,
            job_type,
            campaign,
        )
        _carry_out(settings, word, spoken, reason, dry_run=dry_run, yes=yes, as_json=as_json)

    command.__doc__ = says
    return command


def _carry_out(
    settings: Settings,
    word: Word,
    spoken: Spoken,
    why: str | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say what ``word`` would do, ask where somebody can be asked, then do it."""
    configure_logs(settings.log_format)
    selection = select(spoken, settings)
    if not (dry_run or yes or (sys.stdin and sys.stdin.isatty())):
        raise UsageError(
            f"nobody can be asked here; add --yes to {word}, or --dry-run to see what it would do"
        )
    asyncio.run(
        _say_and_do(
            settings, word, spoken, selection, why, dry_run=dry_run, yes=yes, as_json=as_json
        )
    )


async def _say_and_do(
    settings: Settings,
    word: Word,
    spoken: Spoken,
    selection: Selection,
    why: str | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    async with open_session(settings) as session:
        operators = Operators(session.database, session.target)
        plan = await operating.make_plan(operators, word, spoken, selection, why)
        if not as_json:
            say(*plan_lines(plan, dry_run=dry_run))
        goes = (
            plan.changes
            and not dry_run
            and (yes or agrees(f"{plan.word} {plan.count:,} submission(s)?"))
        )
        done = (
            await operating.carry_out(operators, plan, operator_name())
            if goes
            else operating.Done(0)
        )
    if as_json:
        say(_as_json(plan, done, dry_run=dry_run, changed=goes))
    else:
        say(done_line(plan, done) if goes else "nothing changed")


def _as_json(plan: operating.Plan, done: operating.Done, *, dry_run: bool, changed: bool) -> str:
    told = {
        "word": plan.word,
        "scope": plan.scope,
        "reason": plan.reason,
        "dry_run": dry_run,
        "changed": changed,
        "count": plan.count,
        "done": done.count,
        "in_doubt": done.in_doubt if changed else plan.doubt_count,
        "moved": [asdict(group) for group in plan.moved],
        "left": [asdict(group) for group in plan.left],
        "notes": plan.notes,
    }
    return json.dumps(told, ensure_ascii=False)


COMMANDS = {
    "why": why,
    "retry": _command(Word.RETRY, "Make what failed, was rejected or is dead due again."),
    "cancel": _command(Word.CANCEL, "Withdraw what is still to be sent, for good."),
    "pause": _command(
        Word.PAUSE, "Hold what is to be sent: the whole target, a batch, single submissions."
    ),
    "resume": _command(Word.RESUME, "Let go what is held; --all undoes pause --all only."),
}
