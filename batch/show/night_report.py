"""A night from its lock to its report: run, looked back on, announced."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import structlog

from batch.core.deadline import find_zone
from batch.errors import DatabaseUnavailableError, ExitCode, VodBatchError
from batch.logs import lines_of_run
from batch.night.inbox import Inbox
from batch.night.night import Night, night_facts
from batch.night.night_lock import LockedNight
from batch.night.nightly import run_night
from batch.night.phases import phase
from batch.night.shift import Watcher
from batch.notify.channels import Notifier
from batch.notify.message import Message
from batch.notify.textfile import night_metrics, record_textfile
from batch.session import Session
from batch.settings import Settings
from batch.show.insights import Insights, Status
from batch.show.needs import page_facts
from batch.show.results import write_results
from batch.show.text.night import morning_lines, verdict

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NightReport:
    """A night that has ended, in the target and the zone of ``settings``.

    ``facts`` are the night as ``runs`` keeps it, with what its page begins with
    (:func:`batch.show.needs.page_facts`). ``status`` is the target's state after it, ``None`` where
    the ledger could not be asked.
    """

    settings: Settings
    night: Night
    facts: dict[str, Any]
    status: Status | None

    @property
    def lines(self) -> Iterator[str]:
        """The morning page, as text."""
        return morning_lines(self.facts, self.status, find_zone(self.settings.timezone))

    @property
    def is_well(self) -> bool:
        """Whether it leaves nothing for a person to do."""
        return bool(self.facts["well"])

    @property
    def exit_code(self) -> ExitCode:
        """The code that the night ends with."""
        return self.night.exit_code


async def spend_night(
    locked: LockedNight, inbox: Inbox, watch: Callable[[], AbstractContextManager[Watcher]]
) -> NightReport:
    """Run the night under its lock, write its result files, notify; return its report."""
    with lines_of_run(locked.session.run):
        return await _spend(locked, inbox, watch)


async def _spend(
    locked: LockedNight, inbox: Inbox, watch: Callable[[], AbstractContextManager[Watcher]]
) -> NightReport:
    session = locked.session
    notifier = Notifier.from_settings(session.settings)
    # A monitor that hangs must not hold the night up.
    notice = asyncio.create_task(notifier.started(str(session.run)))
    with watch() as watcher:
        night = await run_night(locked, inbox, watcher)
    await notice
    with phase("report") as figures:
        report = await _look_back(session, night)
        deliveries = await notifier.ended(_message(report))
        _keep_metrics(report)
        figures.update(
            exit_code=int(report.exit_code),
            well=report.is_well,
            needs=len(report.facts["needs"]),
            notices=sum(delivery.ok for delivery in deliveries),
        )
    return report


async def _look_back(session: Session, night: Night) -> NightReport:
    """Write the result files, and read the target's state."""
    settings = session.settings
    status: Status | None = None
    unwritten: dict[int, str] = {}
    try:
        if isinstance(night.trouble, DatabaseUnavailableError):
            raise night.trouble
        insights = Insights(session.database.part(), session.target)  # the night's own is hurried
        unwritten = await write_results(insights, night.moved)
        status = await insights.status(settings.heartbeat_timeout.total_seconds())
    except VodBatchError as error:  # the ledger is away, and that is to be reported
        night.trouble = night.trouble or error
    facts = json.loads(json.dumps(night_facts(night) | {"unwritten": unwritten}, default=str))
    return NightReport(settings, night, page_facts(facts, status), status)


def _message(report: NightReport) -> Message:
    settings, night, code = report.settings, report.night, report.exit_code
    title = (
        f"vod-batch: night of {settings.account} in {settings.region} ended with "
        f"{int(code)} ({code.name.lower().replace('_', ' ')}). "
        f"{verdict(len(report.facts['needs']))}"
    )
    text = "\n".join(report.lines)
    return Message(title, text, report.facts, int(code), str(night.run), night.is_success)


def _keep_metrics(report: NightReport) -> None:
    settings, night = report.settings, report.night
    if settings.textfile:
        metrics = night_metrics(
            account=settings.account,
            region=settings.region,
            exit_code=int(report.exit_code),
            started_at=night.started_at,
            ended_at=night.ended_at or night.started_at,
            states=report.status.states if report.status else {},
            success_codes=settings.ping_success_codes,
            is_success=night.is_success,
        )
        kept = record_textfile(settings.textfile, metrics)
        if not kept.ok:
            log.warning("textfile_not_written", detail=kept.detail)
