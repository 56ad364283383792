"""What the cloud shows of a media's jobs: ListJobInfo lists them, ListAIJob names their types.

GetJobDetail's words for a type are not SubmitAIJob's (``vod-api.md`` 2.4); only its Trigger counts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from aiolimiter import AsyncLimiter

from batch.core.doubt import Candidate, may_concern
from batch.core.outcome import Refused
from batch.ledger.doubts import Doubts, OpenDoubt
from batch.vod.client import VodClient
from batch.vod.lookup import JobDetail, JobInfo
from batch.vod.wire import MAX_JOB_IDS, JobStatus, QueryFailed

_SHORTEST_PAGE = 10
"""What the API's pages hold at the least: ten, twenty, fifty, a hundred (``vod-api.md`` 2)."""


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job as the cloud shows it, with GetJobDetail's own word for its type."""

    job: Candidate
    detail_word: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the cloud shows of a media that the ledger does not know, and whether some may lack."""

    candidates: tuple[Candidate, ...]
    may_be_cut: bool


class Looker:
    """Looks jobs up, every call under one pace. Each method raises QueryFailed."""

    def __init__(self, client: VodClient, pace: AsyncLimiter) -> None:
        self._client = client
        self._pace = pace

    @property
    def skew(self) -> timedelta:
        """The cloud's clock less ours, none where no answer showed it."""
        return self._client.clock_skew or timedelta(0)

    async def infos(self, media_id: str) -> tuple[JobInfo, ...]:
        """List the AI jobs of a media."""
        await self._pace.acquire()
        return await self._client.list_job_infos(media_id)

    async def describe(self, infos: Sequence[JobInfo]) -> list[ShownJob]:
        """Say of each listed job what type ListAIJob calls it, and who triggered it."""
        statuses = await self._statuses([info.job_id for info in infos])
        return [await self._describe(info, statuses.get(info.job_id)) for info in infos]

    async def unlisted(self, media_id: str, job_ids: Sequence[str]) -> list[JobInfo]:
        """Return those of ``job_ids`` that ListAIJob knows as jobs of the media."""
        statuses = await self._statuses(job_ids)
        return [
            JobInfo(status.job_id, status.created_at)
            for status in statuses.values()
            if status.media_id in (None, media_id)
        ]

    async def _statuses(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        found: dict[str, JobStatus] = {}
        for start in range(0, len(job_ids), MAX_JOB_IDS):
            await self._pace.acquire()
            page = await self._client.list_ai_jobs(job_ids[start : start + MAX_JOB_IDS])
            found |= {status.job_id: status for status in page.jobs}
        return found

    async def _describe(self, info: JobInfo, status: JobStatus | None) -> ShownJob:
        detail = await self._detail(info.job_id)
        created_at = info.created_at or (status.created_at if status else None)
        created_at = created_at or (detail.created_at if detail else None)
        word = status.type if status else None
        trigger = detail.trigger if detail else None
        job = Candidate(info.job_id, word, created_at, trigger)
        return ShownJob(job, detail.type if detail else None)

    async def _detail(self, job_id: str) -> JobDetail | None:
        await self._pace.acquire()
        try:
            return await self._client.job_detail(job_id)
        except QueryFailed as error:
            if isinstance(error.outcome, Refused):
                return None  # it does not know the job, which says nothing of the job
            raise


async def look(
    looker: Looker,
    doubts: Doubts,
    group: Sequence[OpenDoubt],
    *,
    is_cloud: bool,
    newest_first: bool | None = None,
) -> Shown:
    """Look up the jobs of a media that the ledger does not know and that may be its doubts'.

    How long a list may be is not documented (``vod-api.md`` 2.2): one that begins with a job that
    is younger than the requests, and not theirs, may have been cut before it; and a long one that
    ends before them may have been cut there, unless the newest are known to come first.
    """
    media_id = group[0].media_id
    infos = await looker.infos(media_id)
    receipts = {job_id for doubt in group for job_id in doubt.receipts}
    named = sorted(receipts - {info.job_id for info in infos})
    known = await doubts.known_jobs([*(info.job_id for info in infos), *named], group)
    strange = [info for info in infos if known.get(info.job_id, True)]
    strange += await looker.unlisted(media_id, [one for one in named if one not in known])
    skew = looker.skew
    shown = await looker.describe(
        [i for i in strange if any(may_concern(i.created_at, d.signed_at, skew) for d in group)]
    )
    return Shown(
        tuple(replace(s.job, is_contested=s.job.job_id in known) for s in shown),
        is_cloud
        and (
            _may_be_cut(infos, known, group, skew)
            or (not newest_first and _may_end_early(infos, group, skew))
        ),
    )


def _may_be_cut(
    infos: Sequence[JobInfo], known: Collection[str], group: Sequence[OpenDoubt], skew: timedelta
) -> bool:
    dated = [(info.created_at, info.job_id) for info in infos if info.created_at]
    oldest, job_id = min(dated, default=(None, ""))
    first_sent = min(doubt.signed_at for doubt in group)
    return oldest is not None and oldest > first_sent + skew and job_id not in known


def _may_end_early(infos: Sequence[JobInfo], group: Sequence[OpenDoubt], skew: timedelta) -> bool:
    """Return whether a list is as long as a page, and all of it older than a request."""
    newest = max((info.created_at for info in infos if info.created_at), default=None)
    last_sent = max(doubt.signed_at for doubt in group)
    return len(infos) >= _SHORTEST_PAGE and newest is not None and newest < last_sent + skew
