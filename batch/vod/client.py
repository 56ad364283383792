"""The cloud's API as one small async method for each action we use.

Nothing is retried here: only who knows the outcome of a submit may repeat it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import uuid4

from batch.core.classify import classify, classify_error, read_object
from batch.core.models import Claim
from batch.core.outcome import AccountStopped, Answer, InDoubt, NotSent, Outcome
from batch.core.strangeness import strange_words
from batch.vod.connector import Departure
from batch.vod.endpoint import Endpoint
from batch.vod.lookup import (
    GET_JOB_DETAIL,
    LIST_JOB_INFO,
    JobDetail,
    JobInfo,
    read_job_detail,
    read_job_infos,
)
from batch.vod.media import GET_VIDEO_INFOS, MAX_VIDEO_IDS, MediaPage, read_media_page
from batch.vod.search import (
    SEARCH_MEDIA,
    FoundPage,
    SearchType,
    read_found_page,
    search_params,
)
from batch.vod.wire import (
    LIST_AI_JOBS,
    MAX_JOB_IDS,
    SUBMIT,
    JobPage,
    QueryFailed,
    UnreadableError,
    read_job_page,
    submit_params,
)

_T = TypeVar("_T")

SUBMIT_LIMIT_BYTES = 1 << 20


class VodClient(Endpoint):
    """The actions at one endpoint."""

    async def submit(self, claim: Claim, departure: Departure | None = None) -> Outcome:
        """Send ``SubmitAIJob`` for ``claim`` once, and return its outcome (``vod-api.md`` 1).

        It waits for its ``departure`` with its connection open; what never departed is not sent.

        The same claim, key and version of ours make the same bytes again; a claim that is to be
        signed with another key than the one in force is not sent. Raises PermissionRefusedError
        when there are no credentials: nothing was sent then.
        """
        params = submit_params(claim)
        answer = await self.call(
            SUBMIT,
            params,
            nonce=claim.nonce,
            signed_at=claim.signed_at,
            limit=SUBMIT_LIMIT_BYTES,
            key_id=claim.access_key_id,
            departure=departure,
        )
        if not isinstance(answer, Answer):
            return answer
        self._count_strange(SUBMIT, answer, claim.media_id)
        outcome = classify(answer, claim.media_id, claim.types)
        if isinstance(outcome, AccountStopped) and answer.is_key_renewed:
            return replace(outcome, is_resolved=True)
        return outcome

    async def list_ai_jobs(self, job_ids: Sequence[str]) -> JobPage:
        """Return how at most ten jobs stand (``vod-api.md`` 2.1). Read-only.

        Raises QueryFailed when there is no answer to trust, ValueError for more than ten ids, and
        PermissionRefusedError when there are no credentials.
        """
        if len(job_ids) > MAX_JOB_IDS:
            message = f"ListAIJob takes at most {MAX_JOB_IDS} JobIds, not {len(job_ids)}"
            raise ValueError(message)
        if not job_ids:
            return JobPage(None, (), ())
        page = await self._query(LIST_AI_JOBS, {"JobIds": ",".join(job_ids)}, read_job_page)
        for job in page.jobs:
            self._tell_unseen(LIST_AI_JOBS, job.unseen(), job.job_id)
        return page

    async def list_job_infos(self, media_id: str) -> tuple[JobInfo, ...]:
        """Return the AI jobs of a media, of the last six months (``vod-api.md`` 2.2). Read-only.

        Raises QueryFailed when there is no answer to trust, PermissionRefusedError without
        credentials.
        """
        params = {"MediaId": media_id, "JobType": "ai"}
        infos = await self._query(
            LIST_JOB_INFO, params, lambda body: read_job_infos(body, media_id)
        )
        for info in infos:
            self._tell_unseen(LIST_JOB_INFO, info.unseen(), info.job_id)
        return infos

    async def job_detail(self, job_id: str) -> JobDetail:
        """Return type, trigger and time of an AI job (``vod-api.md`` 2.4). Read-only.

        Raises QueryFailed when there is no answer to trust, PermissionRefusedError without
        credentials.
        """
        params = {"JobId": job_id, "JobType": "ai"}
        detail = await self._query(
            GET_JOB_DETAIL, params, lambda body: read_job_detail(body, job_id)
        )
        self._tell_unseen(GET_JOB_DETAIL, detail.unseen(), job_id)
        return detail

    async def video_infos(self, media_ids: Sequence[str]) -> MediaPage:
        """Return status and duration of at most twenty media (``vod-api.md`` 2.8). Read-only.

        Raises QueryFailed when there is no answer to trust, ValueError for more than twenty ids,
        PermissionRefusedError without credentials.
        """
        if not 1 <= len(media_ids) <= MAX_VIDEO_IDS:
            message = f"GetVideoInfos takes 1 to {MAX_VIDEO_IDS} ids, not {len(media_ids)}"
            raise ValueError(message)
        params = {"VideoIds": ",".join(media_ids)}
        page = await self._query(GET_VIDEO_INFOS, params, read_media_page)
        for media in page.media:
            self._tell_unseen(GET_VIDEO_INFOS, media.unseen(), media.media_id)
        return page

    async def search_media(
        self, search_type: SearchType, match: str | None, page_no: int, scroll_token: str | None
    ) -> FoundPage:
        """Return a page of the media that ``match`` fits, or of all; pages from 1. Read-only.

        Beyond the first 5,000 media the token of the answer before is needed (``SearchMedia``).

        Raises QueryFailed when there is no answer to trust, PermissionRefusedError without
        credentials.
        """
        params = search_params(search_type, match, page_no, scroll_token)
        return await self._query(SEARCH_MEDIA, params, read_found_page)

    def _tell_unseen(self, action: str, words: Iterable[tuple[str, str]], example: str) -> None:
        for field, word in words:
            self.unseen.see(action, field, word, example)

    async def _query(
        self,
        action: str,
        params: Mapping[str, str],
        read: Callable[[Mapping[str, object]], _T],
    ) -> _T:
        """Make one read-only call with a fresh nonce and ``read`` its body. Raises QueryFailed."""
        answer = await self._ask(action, params)
        if isinstance(answer, Answer) and answer.is_key_renewed:
            answer = await self._ask(action, params)
        if not isinstance(answer, Answer):
            raise QueryFailed(action, answer)
        example = next(iter(params.values()), "")
        self._count_strange(action, answer, example)
        if not answer.is_success:
            raise QueryFailed(action, classify_error(answer))
        status = answer.http_status
        body = read_object(answer.body)
        if body is None:
            raise QueryFailed(action, InDoubt("a success whose body is not a JSON object", status))
        try:
            return read(body)
        except UnreadableError as error:
            self.unseen.see(action, "body", str(error), example)
            raise QueryFailed(action, InDoubt(str(error), status)) from None

    async def _ask(self, action: str, params: Mapping[str, str]) -> Answer | NotSent | InDoubt:
        return await self.call(action, params, nonce=uuid4().hex, signed_at=self.now())

    def _count_strange(self, action: str, answer: Answer, example: str) -> None:
        for field, word in strange_words(answer, makes_jobs=action == SUBMIT):
            self.unseen.see(action, field, word, example)
