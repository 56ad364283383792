"""Before the first paid call of a target from this ledger: has another ledger paid for it already?

Another HOME, or a database URL that got lost, makes an empty ledger, in which all that was paid
for looks new. A free look at a few media of the list decides: where the cloud knows jobs of them
that this ledger does not, an operator must say that it may pay (``doctor --accept first-run``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from aiolimiter import AsyncLimiter

from batch.core.backoff import delay_seconds
from batch.core.doubt import AUTO
from batch.core.outcome import AccountStopped, Refused
from batch.core.refusal import account_error
from batch.errors import ConfigurationError, UnavailableError
from batch.ledger.first_runs import FirstRuns
from batch.vod.client import VodClient
from batch.vod.wire import QueryFailed

SAMPLE = 20
"""Media that are looked at: enough to meet a list that was sent before, and done in seconds."""

_NO_SUCH_MEDIA = "invalidvideo.notfound"
_SHOWN = 3
_TRIES = 3
"""Workers that start together look up together, and may meet the look-ups' own quota."""

log = structlog.get_logger()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Strange:
    """A media of the list with a job that this ledger does not know."""

    media_id: str
    job_id: str


async def insist_on_known_ledger(
    runs: FirstRuns, client: VodClient, pace: AsyncLimiter, ledger: str
) -> None:
    """Let a target's first run from this ledger pass only over media without unknown jobs.

    ``ledger`` names the database, for the message. Without a first run ahead no call is made.

    Raises:
        ConfigurationError: somebody has made jobs of them; with how to go on.
        UnavailableError: a look-up failed. AccountStoppedError and kin: the account did.
    """
    if not await runs.is_ahead():
        return
    sample = await runs.sample(SAMPLE)
    strange = await find_strange_jobs(runs, client, pace, sample)
    if not strange:
        log.info("first_run_looked_at", media=len(sample), strange=0)
        return
    target = f"{runs.target.account}/{runs.target.region}"
    raise ConfigurationError(
        f"nothing of target {target} was ever sent from this ledger ({ledger}), but the cloud "
        f"knows jobs of {len(strange)} of {len(sample)} media that were looked at: "
        f"{_told(strange)}. It may be a new ledger by accident: check HOME, VOD_BATCH_HOME and "
        "VOD_BATCH_DATABASE_URL. If it is the right one and may pay for what others made, run "
        "once: vod-batch doctor --accept first-run"
    )


async def find_strange_jobs(
    runs: FirstRuns, client: VodClient, pace: AsyncLimiter, sample: list[str]
) -> list[Strange]:
    """Return one unknown job a media of ``sample``; what is positively automatic does not count."""
    strange = []
    for media_id in sample:
        try:
            job_id = await _unknown_job(runs, client, pace, media_id)
        except QueryFailed as error:
            raise _failed(media_id, error) from error
        if job_id:
            strange.append(Strange(media_id, job_id))
    return strange


async def _unknown_job(
    runs: FirstRuns, client: VodClient, pace: AsyncLimiter, media_id: str
) -> str | None:
    try:
        infos = await _ask(pace, lambda: client.list_job_infos(media_id))
    except QueryFailed as error:
        if isinstance(error.outcome, Refused) and error.outcome.code.lower() == _NO_SUCH_MEDIA:
            return None
        raise
    known = await runs.known_jobs([info.job_id for info in infos])
    for info in infos:
        if info.job_id not in known and not await _is_automatic(client, pace, info.job_id):
            return info.job_id
    return None


async def _is_automatic(client: VodClient, pace: AsyncLimiter, job_id: str) -> bool:
    """Return whether the cloud calls it automatic; a job that cannot be looked up is not."""
    try:
        return (await _ask(pace, lambda: client.job_detail(job_id))).trigger == AUTO
    except QueryFailed as error:
        if isinstance(error.outcome, Refused):
            return False
        raise


async def _ask(pace: AsyncLimiter, call: Callable[[], Awaitable[_T]]) -> _T:
    """Make a free call at its pace, some times where it is not answered."""
    for attempt in range(1, _TRIES):
        await pace.acquire()
        try:
            return await call()
        except QueryFailed as error:
            if isinstance(error.outcome, Refused | AccountStopped):
                raise
        await asyncio.sleep(delay_seconds(attempt))
    await pace.acquire()
    return await call()


def _failed(media_id: str, error: QueryFailed) -> Exception:
    if isinstance(error.outcome, AccountStopped):
        return account_error(error.outcome)
    return UnavailableError(
        f"before the first paid call from this ledger, jobs of media {media_id} could not be "
        f"looked up ({error}); nothing was sent: run again, or, where they never answer and this "
        "is the right ledger, run once: vod-batch doctor --accept first-run"
    )


def _told(strange: list[Strange]) -> str:
    shown = ", ".join(f"job {one.job_id} of {one.media_id}" for one in strange[:_SHOWN])
    return shown + (" and more" if len(strange) > _SHOWN else "")
