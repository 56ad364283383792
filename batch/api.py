"""The Python interface: what the commands do, each in one open session.

Errors are those of :mod:`batch.errors`; what takes its time to import is imported at the call. No
signal is heard, so that a call may run in any thread: cancel its task, or give the settings an end.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from batch.errors import UsageError, VodBatchError
from batch.session import open_session
from batch.settings import Settings

if TYPE_CHECKING:
    from batch.ledger.loading import LoadReport
    from batch.night.shift import Watcher
    from batch.reconcile.reconciler import ReconcileSummary
    from batch.show.missed import MissedNight
    from batch.show.night_report import NightReport
    from batch.submit.planning import Plan
    from batch.submit.tally import RunSummary


async def load(settings: Settings, sources: Iterable[str]) -> AsyncIterator["LoadReport"]:
    """Load lists one after the other, each in one transaction: paths, or ``-`` for standard input.

    Raises:
        UsageError: the options cannot be used; or, once all others are loaded, lists as a whole.
    """
    from batch.ledger.loading import load_manifest

    refused: list[UsageError] = []
    async with open_session(settings) as session:
        for source in sources:
            try:
                report = await load_manifest(session.database, session.target, source, settings)
            except UsageError as error:
                refused.append(error)
            else:
                yield report
    if refused:
        raise refused[0] if len(refused) == 1 else UsageError("\n".join(map(str, refused)))


async def plan(settings: Settings) -> "Plan":
    """Return what a submit would send now, and what that may cost; no call is made."""
    from batch.submit.planning import planner_of

    async with open_session(settings) as session:
        return await planner_of(session, session.database).plan()


async def submit(
    settings: Settings, watcher: "Watcher | None" = None, *, plan_hash: str | None = None
) -> "RunSummary":
    """Be one worker until nothing is due, or a limit of the settings or a signal ends the run.

    With ``plan_hash`` exactly that plan is sent, or nothing.
    """
    from batch.logs import lines_of_run
    from batch.night.phases import phase, submit_figures
    from batch.night.shift import Watcher, submit

    async with open_session(settings, sends=True) as session:
        with lines_of_run(session.run), phase("submit") as figures:
            summary = await submit(
                session,
                watcher or Watcher(),
                max_submissions=settings.max_submissions,
                ends_at=session.ends_at,
                plan_hash=plan_hash,
            )
            figures.update(submit_figures(summary))
            return summary


async def reconcile(settings: Settings, *, once: bool = False) -> "ReconcileSummary":
    """Settle doubts and follow jobs, ``once`` or until nothing is open."""
    from batch.logs import lines_of_run
    from batch.night.phases import phase, reconcile_figures
    from batch.reconcile.run import reconcile

    async with open_session(settings, sends=True) as session:
        with lines_of_run(session.run), phase("reconcile") as figures:
            summary = await reconcile(session, once=once)
            figures.update(reconcile_figures(summary))
            return summary


async def night(
    settings: Settings,
    folder: Path,
    watch: "Callable[[], AbstractContextManager[Watcher]] | None" = None,
) -> "NightReport":
    """Run one night over the lists in ``folder``, write its result files, and notify.

    A part that failed is its ``trouble``. ``watch`` lends who looks on, once the lock is held.

    Raises:
        LockHeldError: another night runs.
    """
    from batch.night.inbox import Inbox
    from batch.night.night_lock import lock_night

    inbox = Inbox(folder, settings.settled_after.total_seconds())
    async with lock_night(settings) as locked:
        # Only who has the lock waits for the worker, the cloud's client and the notifier to load.
        from batch.night.shift import Watcher
        from batch.show.night_report import spend_night

        return await spend_night(locked, inbox, watch or (lambda: nullcontext(Watcher())))


async def tell_missed(
    settings: Settings, error: VodBatchError, folder: Path | None
) -> "MissedNight":
    """Notify the channels of ``settings`` that ``error`` kept a night over ``folder`` from
    beginning: what :func:`night` raised, or what loading its settings did.
    """
    from batch.show.missed import tell_missed

    return await tell_missed(settings, error, folder)
