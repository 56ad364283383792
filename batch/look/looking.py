"""A free look at which jobs the cloud has of a media, in words that are documented."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog
from aiolimiter import AsyncLimiter

from batch.core.backoff import delay_seconds
from batch.core.existing import FoundJob
from batch.core.models import JobType
from batch.core.outcome import AccountStopped, InDoubt, Throttled
from batch.core.refusal import account_error
from batch.errors import UnavailableError, VodBatchError
from batch.ledger.existing import ExistingLedger, JobLook
from batch.vod.client import VodClient
from batch.vod.lookup import GET_JOB_DETAIL, LIST_JOB_INFO, JobInfo
from batch.vod.pace import limiter
from batch.vod.wire import LIST_AI_JOBS, MAX_JOB_IDS, JobStatus, QueryFailed

_HOLDS_FOR = timedelta(days=3)
_HOLDS_WHILE_OPEN = timedelta(minutes=5)
_CALL_SECONDS = 10.0
"""Nobody waits for a free look as long as for a paid answer."""
_TRIES = 5
"""How often a call is made that the cloud throttles."""

AT_A_TIME = 8
"""Media that are looked at side by side: enough to keep the pace over slow answers."""
_FAILURES_IN_A_ROW = 5

_OPEN = frozenset({"init", "processing"})
_SUCCEEDED = "success"
_FAILED = "fail"

_A = TypeVar("_A")
_T = TypeVar("_T")

log = structlog.get_logger()


class JobLooker:
    """Looks at one media at a time; each operation has a pace of its own, as its quota is."""

    def __init__(
        self,
        ledger: ExistingLedger,
        client: VodClient,
        *,
        lookup_qps: float,
        poll_qps: float,
    ) -> None:
        self._ledger = ledger
        self._client = client
        self._listing = limiter(lookup_qps)
        self._detailing = limiter(lookup_qps)
        self._polling = limiter(poll_qps)

    async def look(self, media_id: str) -> JobLook:
        """Return the jobs of a media that the ledger does not know and that could be somebody's.

        Raises:
            QueryFailed: a call got no answer to trust, so nothing is known of the media.
        """
        infos = await self._ask(LIST_JOB_INFO, self._listing, self._client.list_job_infos, media_id)
        known = await self._known([info.job_id for info in infos])
        strange = {info.job_id: info for info in infos if info.job_id not in known}
        jobs: list[FoundJob] = []
        for start in range(0, len(strange), MAX_JOB_IDS):
            job_ids = list(strange)[start : start + MAX_JOB_IDS]
            page = await self._ask(LIST_AI_JOBS, self._polling, self._client.list_ai_jobs, job_ids)
            for status in page.jobs:
                info = strange.get(status.job_id)
                job = await self._read(media_id, status, info) if info else None
                if job:
                    jobs.append(job)
        is_open = any(job.is_open for job in jobs)
        return JobLook(media_id, tuple(jobs), _HOLDS_WHILE_OPEN if is_open else _HOLDS_FOR)

    async def _known(self, job_ids: list[str]) -> set[str]:
        if not job_ids:
            return set()
        return await self._ledger.known_jobs(job_ids)

    async def _read(self, media_id: str, status: JobStatus, info: JobInfo) -> FoundJob | None:
        """Return the job as far as all of its words are known; what is not is kept, and no job.

        The type is believed in the words of ListAIJob alone: those of GetJobDetail are not
        documented (``vod-api.md`` 2.4).
        """
        created_at = info.created_at or status.created_at
        job_type = next((one for one in JobType if one.value == status.type), None)
        strange = [
            (field, word)
            for field, word, is_known in (
                ("MediaId", status.media_id, status.media_id == media_id),
                ("Type", status.type, job_type is not None),
                ("Status", status.word, status.word in {*_OPEN, _SUCCEEDED, _FAILED}),
                ("CreationTime", None, created_at is not None),
            )
            if not is_known
        ]
        for field, word in strange:
            self._client.unseen.see(LIST_AI_JOBS, field, word, status.job_id)
        if strange or status.word == _FAILED or job_type is None or created_at is None:
            return None
        detail = await self._ask(
            GET_JOB_DETAIL, self._detailing, self._client.job_detail, status.job_id
        )
        return FoundJob(
            status.job_id, media_id, job_type, status.word in _OPEN, detail.config, created_at
        )

    async def _ask(
        self, action: str, pace: AsyncLimiter, call: Callable[[_A], Awaitable[_T]], about: _A
    ) -> _T:
        """Make one call under its pace; a throttled one again, slower."""
        for tries in range(1, _TRIES + 1):
            await pace.acquire()
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    return await call(about)
            except TimeoutError:
                raise QueryFailed(action, InDoubt("no answer in time")) from None
            except QueryFailed as error:
                if not isinstance(error.outcome, Throttled) or tries == _TRIES:
                    raise
                asked = error.outcome.retry_after_seconds
                await asyncio.sleep(min(asked or delay_seconds(tries), _CALL_SECONDS))
        raise AssertionError("the last try returns or raises")


class Looks:
    """Takes looks and keeps them in the ledger, until it has seen that they cannot be taken."""

    def __init__(
        self,
        ledger: ExistingLedger,
        looker: JobLooker,
        *,
        are_a_must: bool,
    ) -> None:
        self._ledger = ledger
        self._looker = looker
        self._are_a_must = are_a_must
        self._failures_in_a_row = 0
        self._trouble: VodBatchError | None = None
        self.taken = 0
        """Media that were looked at."""
        self.failed: dict[str, str] = {}
        """Media whose last look failed, and why."""
        self.gave_up: str | None = None
        """Why no more looks are taken."""

    async def take(self, media: Sequence[str]) -> None:
        """Look at media that are due for it, each once.

        Raises:
            VodBatchError: looks are a must, and cannot be taken.
        """
        due = list(dict.fromkeys(media))
        for start in range(0, len(due), AT_A_TIME):
            chunk = due[start : start + AT_A_TIME]
            looks = [look for look in await asyncio.gather(*map(self._take, chunk)) if look]
            if looks:
                await self._keep(looks)
            if self._trouble:
                raise self._trouble

    async def _keep(self, looks: list[JobLook]) -> None:
        await self._ledger.record_looks(looks)
        self.taken += len(looks)

    async def _take(self, media_id: str) -> JobLook | None:
        if self.gave_up or self._trouble:
            return None
        try:
            look = await self._looker.look(media_id)
        except QueryFailed as error:
            self.failed[media_id] = str(error)
            self._failures_in_a_row += 1
            log.warning("look_failed", media_id=media_id, error=str(error))
            self._check_patience(error)
            return None
        self.failed.pop(media_id, None)
        self._failures_in_a_row = 0
        return look

    def _check_patience(self, error: QueryFailed) -> None:
        """Take no more looks that surely fail; where they are a must, the run ends."""
        outcome = error.outcome
        is_refused = isinstance(outcome, AccountStopped)
        if not is_refused and self._failures_in_a_row < _FAILURES_IN_A_ROW:
            return
        if not self._are_a_must:
            self.gave_up = self.gave_up or str(error)
        elif isinstance(outcome, AccountStopped):
            self._trouble = account_error(outcome)
        else:
            self._trouble = UnavailableError(
                f"media cannot be looked at ({error}), and with --skip-existing always none is "
                "sent unseen"
            )
