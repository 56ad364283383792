"""One night from the lock on: run it, report it."""

import asyncio
import json
from typing import Any

import structlog

from batch.cli.progress import watch_run
from batch.cli.render import say
from batch.core.deadline import find_zone
from batch.errors import DatabaseUnavailableError, VodBatchError
from batch.logs import configure_logs
from batch.night.inbox import Inbox
from batch.night.night import Night, night_facts
from batch.night.night_lock import LockedNight
from batch.night.nightly import run_night
from batch.notify.channels import Notifier
from batch.notify.message import Message
from batch.notify.textfile import night_metrics, record_textfile
from batch.session import Session
from batch.settings import Settings
from batch.show.insights import Insights
from batch.show.morning import morning_lines
from batch.show.results import write_results

log = structlog.get_logger()


async def spend_night(locked: LockedNight, inbox: Inbox, *, as_json: bool) -> int:
    """Run the night, show its report, notify; return the exit code."""
    settings = locked.session.settings
    configure_logs(settings.log_format)
    notifier = Notifier.from_settings(settings)
    # A monitor that hangs must not hold the night up.
    notices: list[asyncio.Task[object]] = []

    def on_start(night: Night) -> None:
        notices.append(asyncio.create_task(notifier.started(str(night.run))))

    with watch_run() as watcher:
        night = await run_night(locked, inbox, watcher, on_start=on_start)
    await asyncio.gather(*notices)
    try:
        facts, text, states = await _look_back(locked.session, night)
    except VodBatchError as error:  # the ledger is away, and that is to be reported
        night.trouble = night.trouble or error
        facts, text, states = _without_ledger(settings, night)
    try:
        say(json.dumps(facts, default=str, ensure_ascii=False) if as_json else text)
    finally:  # a full disk keeps the page from the log, and no notice from being sent
        await _tell(settings, notifier, night, text, facts)
        _keep_metrics(settings, night, states)
    return int(night.exit_code)


async def _look_back(session: Session, night: Night) -> tuple[dict[str, Any], str, dict[str, int]]:
    """Write the result files; return the report as facts and as text, and the states."""
    if isinstance(night.trouble, DatabaseUnavailableError):
        raise night.trouble
    facts, settings = _plain_facts(night), session.settings
    insights = Insights(session.database.part(), session.target)  # the night's own is hurried
    troubles = await write_results(insights, night.moved)
    status = await insights.status(settings.heartbeat_timeout.total_seconds())
    lines = morning_lines(facts, status, find_zone(settings.timezone))
    return facts, "\n".join([*lines, *troubles]), status.states


def _without_ledger(settings: Settings, night: Night) -> tuple[dict[str, Any], str, dict[str, int]]:
    """Return what is known of a night whose ledger cannot be asked any more."""
    code = int(night.exit_code)
    text = (
        f"vod-batch night of {settings.account} in {settings.region}\n"
        f"run {night.run} ended because {night.stopped_by} (exit code {code})\n"
        "The ledger could not be asked how things stand; see later: vod-batch status"
    )
    return _plain_facts(night), text, {}


def _plain_facts(night: Night) -> dict[str, Any]:
    return dict(json.loads(json.dumps(night_facts(night), default=str)))


async def _tell(
    settings: Settings, notifier: Notifier, night: Night, text: str, facts: dict[str, Any]
) -> None:
    code = night.exit_code
    title = (
        f"vod-batch: night of {settings.account} in {settings.region} ended with "
        f"{int(code)} ({code.name.lower().replace('_', ' ')})"
    )
    message = Message(title, text, facts, int(code), str(night.run), night.is_success)
    await notifier.ended(message)


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
            is_success=night.is_success,
        )
        kept = record_textfile(settings.textfile, metrics)
        if not kept.ok:
            log.warning("textfile_not_written", detail=kept.detail)
