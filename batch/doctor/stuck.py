"""What no run moves by itself, each with the way out."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from batch.core.models import Target
from batch.doctor.check import Check
from batch.ledger.database import Database
from batch.ledger.inspection import Stuck, find_stuck
from batch.ledger.operators import Hold, Operators
from batch.settings import Settings

LONG_SEND = timedelta(hours=1)
"""Far longer than any answer is waited for: the worker of such a row does not know it any more."""

LONG_DOUBT = timedelta(days=1)
"""So long after absence could have been proven, time alone settles nothing."""

LONG_JOB = timedelta(days=30)
"""No document bounds how long a job may take; look-ups cover six months (``vod-api.md`` 2.2)."""


async def check_stuck(
    database: Database, target: Target, settings: Settings
) -> AsyncIterator[Check]:
    """Look for rows that wait for a command, or for a person's word; nothing is moved."""
    found = await find_stuck(
        database,
        target,
        silence=settings.heartbeat_timeout,
        long_send=LONG_SEND,
        long_doubt=settings.settle + LONG_DOUBT,
        long_job=LONG_JOB,
    )
    holds = await Operators(database, target).holds()
    for stuck in found:
        yield _TOLD[stuck.kind](stuck)
    for hold in holds:
        yield _held(hold)
    if not found and not holds:
        yield Check("stuck rows", "none")


def _abandoned(stuck: Stuck) -> Check:
    detail = f"{_some(stuck)} were being sent by a worker that is dead or unknown{_since(stuck)}"
    return Check("stuck sends", detail, "vod-batch reconcile brings them into doubt, and looks")


def _long_send(stuck: Stuck) -> Check:
    detail = (
        f"{_some(stuck)} are being sent{_since(stuck)}, by a worker that lives ({stuck.detail})"
    )
    fix = "end that process (SIGTERM), then vod-batch reconcile brings them into doubt, and looks"
    return Check("stuck sends", detail, fix)


def _old_doubt(stuck: Stuck) -> Check:
    why = f"; {stuck.media_id}: {stuck.detail}" if stuck.detail else ""
    detail = f"{_some(stuck)} are in doubt{_since(stuck)}{why}"
    fix = (
        "vod-batch reconcile looks again; what it cannot settle waits for: vod-batch resolve --all"
    )
    return Check("stuck doubts", detail, fix)


def _unknown_job(stuck: Stuck) -> Check:
    detail = f"{_some(stuck)} have a JobId that the cloud does not know (such as {stuck.detail})"
    return Check("stuck jobs", detail, "vod-batch resolve --all --disown brings them into doubt")


def _endless_job(stuck: Stuck) -> Check:
    detail = f"{_some(stuck)} have a job without an end{_since(stuck)} (such as {stuck.detail})"
    fix = (
        f"vod-batch reconcile asks again; vod-batch why {stuck.media_id} shows the RequestId that "
        "the vendor's support can follow"
    )
    return Check("stuck jobs", detail, fix)


_TOLD: dict[str, Callable[[Stuck], Check]] = {
    "abandoned": _abandoned,
    "long_send": _long_send,
    "old_doubt": _old_doubt,
    "unknown_job": _unknown_job,
    "endless_job": _endless_job,
}


def _held(hold: Hold) -> Check:
    what, words = {
        "target": ("the whole target", "--all"),
        "batch": (f"batch {hold.batch_id}", f"--batch {hold.batch_id}"),
    }.get(hold.scope, ("some rows", "MEDIA_ID..."))
    detail = (
        f"{what} is held since {hold.held_at:%Y-%m-%d %H:%M} UTC by {hold.held_by} "
        f"({hold.reason}): {hold.rows:,} submission(s) are not sent"
    )
    return Check("held rows", detail, f"once you have looked: vod-batch resume {words}")


def _some(stuck: Stuck) -> str:
    return f"{stuck.count:,} submission(s)"


def _since(stuck: Stuck) -> str:
    return f" since {stuck.since:%Y-%m-%d %H:%M} UTC" if stuck.since else ""
