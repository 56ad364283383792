"""An operator's resolution of doubts: what is known is shown, then it is recorded under a name."""

import getpass
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from batch.core.doubt import (
    DATE_WINDOW,
    Candidate,
    in_send_window,
    is_named,
    is_near,
    is_none_of,
)
from batch.core.learnt import TypeLearnt
from batch.core.models import JobType
from batch.errors import UsageError
from batch.ledger.doubts import Doubts, OpenDoubt, Settlement
from batch.look.evidence import Looker
from batch.vod.client import VodClient
from batch.vod.pace import limiter
from batch.vod.wire import QueryFailed

_LOOKS_A_SECOND = 12.0
"""Under the quota of the look-ups, whatever else runs beside an operator."""


class Resolution(StrEnum):
    """What an operator may say about a doubt."""

    ADOPT = "adopt"
    ABSENT = "absent"
    RESEND = "resend"
    DISOWN = "disown"
    """Of a submission with a job, not of a doubt (:mod:`batch.reconcile.owning`)."""


_REASONS = {
    Resolution.ADOPT: "an operator adopted its job",
    Resolution.ABSENT: "an operator said that no job exists",
    Resolution.RESEND: "an operator ordered it sent again, paid twice or not",
}


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job that the cloud lists for the media, its type by ListAIJob's word.

    ``fits`` when it was made in time and is of the type; ``may_fit`` when no more than an unknown
    word, or a clock that was off, speaks against that.
    """

    job_id: str
    type: str | None
    created_at: datetime | None
    trigger: str | None
    is_known: bool
    fits: bool
    may_fit: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """A doubt, and what the cloud lists for its media; ``trouble`` when it could not be asked."""

    doubt: OpenDoubt
    jobs: tuple[ListedJob, ...]
    trouble: str | None
    may_still_arrive: bool


async def gather_evidence(
    doubts: Sequence[OpenDoubt], ledger: Doubts, client: VodClient
) -> list[Evidence]:
    """Ask the cloud about each doubt's media; never raises for a call that fails."""
    looker = Looker(client, limiter(_LOOKS_A_SECOND))
    return [await _evidence(doubt, ledger, looker) for doubt in doubts]


async def _evidence(doubt: OpenDoubt, ledger: Doubts, looker: Looker) -> Evidence:
    may_still_arrive = timedelta(seconds=doubt.age) < DATE_WINDOW
    try:
        jobs = await _listed(doubt, ledger, looker)
    except QueryFailed as error:
        return Evidence(doubt, (), str(error), may_still_arrive)
    return Evidence(doubt, jobs, None, may_still_arrive)


async def _listed(doubt: OpenDoubt, ledger: Doubts, looker: Looker) -> tuple[ListedJob, ...]:
    infos = await looker.infos(doubt.media_id)
    known = await ledger.known_jobs([info.job_id for info in infos], [doubt])
    shown = await looker.describe(infos)
    return tuple(_list(doubt, one.job, looker.skew, is_known=one.job.job_id in known)
                 for one in shown)  # fmt: skip


def _list(doubt: OpenDoubt, job: Candidate, skew: timedelta, *, is_known: bool) -> ListedJob:
    made = job.created_at
    may_fit = (
        not is_known
        and not is_none_of(job, doubt.job_type, TypeLearnt())
        and (made is None or is_near(made, doubt.signed_at))
    )
    fits = (
        may_fit
        and made is not None
        and is_named(job, doubt.job_type)
        and in_send_window(made, doubt.signed_at, skew)
    )
    return ListedJob(job.job_id, job.type, made, job.trigger, is_known, fits, may_fit)


async def adopting(doubts: Doubts, chosen: Sequence[OpenDoubt], job_id: str) -> OpenDoubt:
    """Return the one doubt that is to adopt a job.

    Raises:
        UsageError: a job for more than one submission, or one that the ledger holds already.
    """
    if len(chosen) != 1:
        raise UsageError("--adopt names the job of one submission; narrow it down with --type")
    if await doubts.known_jobs([job_id], chosen):
        raise UsageError(f"job {job_id} belongs to a submission already; see: vod-batch status")
    return chosen[0]


async def resolve(
    doubts: Doubts, chosen: Sequence[OpenDoubt], resolution: Resolution, job_id: str | None
) -> set[int]:
    """Carry out an operator's word; return the submissions that moved."""
    settlements = [
        Settlement(
            d.id, d.lease, job_id, _REASONS[resolution],
            is_absent=resolution is Resolution.ABSENT, was_replayed=d.replayed_at is not None,
        )
        for d in chosen
    ]  # fmt: skip
    return set(await doubts.settle(settlements, operator_name()))


def operator_name() -> str:
    """Return who acts, for the history: user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"operator {user}@{socket.gethostname()}"


def chosen_doubts(found: Sequence[OpenDoubt], job_type: JobType | None) -> list[OpenDoubt]:
    """Return the doubts of ``job_type``, or all without one."""
    return [doubt for doubt in found if job_type is None or doubt.job_type is job_type]
