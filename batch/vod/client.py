"""The cloud's API as one small async method for each action we use.

No retry lives here: a submit may be repeated only by whoever knows what the first one came to.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from batch.core.classify import classify, classify_error, read_object
from batch.core.models import Claim
from batch.core.outcome import AccountStopped, Answer, InDoubt, NotSent, Outcome, StopCause
from batch.core.strangeness import strange_words
from batch.core.unseen import UnseenWords
from batch.errors import ConfigurationError
from batch.vod import signing
from batch.vod.credentials import Credentials, CredentialSource
from batch.vod.hiding import hider
from batch.vod.lookup import (
    GET_JOB_DETAIL,
    LIST_JOB_INFO,
    JobDetail,
    JobInfo,
    read_job_detail,
    read_job_infos,
)
from batch.vod.media import GET_VIDEO_INFOS, MAX_VIDEO_IDS, MediaPage, read_media_page
from batch.vod.proxy import proxy_for
from batch.vod.transport import Departure, Timeouts, Transport
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

_REASON_LIMIT = 200
SUBMIT_LIMIT_BYTES = 1 << 20
QUERY_LIMIT_BYTES = 16 << 20
"""Ten results with full speech texts are far larger than an answer to a submit."""

NONCE_REPETITIONS = 10
"""Of two nodes behind a name, both are met, but once in a thousand times."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _new_nonce() -> str:
    return uuid4().hex


class VodClient:
    """The VOD API at one endpoint, an async context manager.

    ``endpoint`` is scheme and host (``https://vod.cn-shanghai.aliyuncs.com``,
    ``http://127.0.0.1:8808``). ``timeouts`` are in seconds. ``pool_size`` bounds the connections:
    make it more than the number of senders, and none waits for one. ``keepalive`` seconds an idle
    one is used again. The
    proxy variables count (:mod:`batch.vod.proxy`). Raises ConfigurationError for another endpoint.
    """

    def __init__(
        self,
        endpoint: str,
        credentials: CredentialSource,
        *,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        pool_size: int = 64,
        keepalive: float = 4.0,
        now: Callable[[], datetime] = _utc_now,
        new_nonce: Callable[[], str] = _new_nonce,
    ) -> None:
        origin, self._host = _split_endpoint(endpoint)
        self._credentials = credentials
        self._now = now
        self._new_nonce = new_nonce
        self._dated: tuple[str, datetime] | None = None
        self.unseen = UnseenWords()
        """Words of its answers that no document of ours knows, to be kept by whoever calls."""
        self._transport = Transport(
            origin,
            timeouts=timeouts,
            pool_size=pool_size,
            keepalive=keepalive,
            proxy=proxy_for(origin),
        )

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(signing.warm)
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    @property
    def clock_skew(self) -> timedelta | None:
        """The server's clock minus ours at the last answer, to about a second; None before one."""
        if self._dated is None:
            return None
        header, received_at = self._dated
        try:
            served_at = parsedate_to_datetime(header)
            if served_at.tzinfo is None:
                served_at = served_at.replace(tzinfo=UTC)
            return served_at - received_at
        except (ValueError, OverflowError):  # a date that is none, or an offset of years
            return None

    async def access_key_id(self) -> str:
        """Return the id of the key that signs now. Raises PermissionRefusedError without one."""
        return (await self._credentials.current()).access_key_id

    async def submit(self, claim: Claim, departure: Departure | None = None) -> Outcome:
        """Send ``SubmitAIJob`` for ``claim`` once, and say what it came to (``vod-api.md`` 1).

        It waits for its ``departure`` with its connection open; what never departed is not sent.

        The same claim, key and version of ours make the same bytes again; a claim that is to be
        signed with another key than the one in force is not sent. Raises PermissionRefusedError
        when there are no credentials: nothing was sent then.
        """
        params = submit_params(claim)
        answer = await self._call(
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

    async def repeat_a_nonce(self) -> Outcome | None:
        """Send one free read-only call several times, the same signed bytes (``vod-api.md`` 12.3).

        Each goes over a fresh connection, so that a gateway that keeps nonces per node shows it.
        Returns what a repetition came to that was not refused, else the last; ``None`` when one
        was answered like the first. Raises QueryFailed when the first got no answer to trust.
        """
        nonce, signed_at = self._new_nonce(), self._now()
        first = await self._call_afresh(nonce, signed_at)
        if not isinstance(first, Answer):
            raise QueryFailed(LIST_AI_JOBS, first)
        if not first.is_success:
            raise QueryFailed(LIST_AI_JOBS, classify_error(first))
        refusal: Outcome | None = None
        for _ in range(NONCE_REPETITIONS):
            again = await self._call_afresh(nonce, signed_at)
            if not isinstance(again, Answer):
                return again
            if again.is_success:
                return None
            refusal = classify_error(again)
            if not is_used_nonce(refusal):
                return refusal
        return refusal

    async def _call_afresh(self, nonce: str, signed_at: datetime) -> Answer | NotSent | InDoubt:
        """Ask for a job that nobody has, over a connection that is opened for it."""
        params = {"JobIds": "0" * 32}
        async with self._transport.afresh() as transport:
            return await self._call(
                LIST_AI_JOBS, params, nonce=nonce, signed_at=signed_at, limit=QUERY_LIMIT_BYTES,
                transport=transport,
            )  # fmt: skip

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
        return await self._call(
            action,
            params,
            nonce=self._new_nonce(),
            signed_at=self._now(),
            limit=QUERY_LIMIT_BYTES,
        )

    def _count_strange(self, action: str, answer: Answer, example: str) -> None:
        for field, word in strange_words(answer, makes_jobs=action == SUBMIT):
            self.unseen.see(action, field, word, example)

    async def _call(
        self,
        action: str,
        params: Mapping[str, str],
        *,
        nonce: str,
        signed_at: datetime,
        limit: int,
        key_id: str | None = None,
        transport: Transport | None = None,
        departure: Departure | None = None,
    ) -> Answer | NotSent | InDoubt:
        """Sign and send one request; note the server's clock; say what its answer must not show.

        With ``key_id`` no other key signs.
        """
        credentials = await self._credentials.current()
        if key_id not in (None, credentials.access_key_id):
            return NotSent("held back: the access key was changed meanwhile", held_back=True)
        try:
            request = signing.sign(
                action,
                params,
                nonce=nonce,
                signed_at=signed_at,
                credentials=credentials,
                host=self._host,
            )
        except ValueError as error:
            return NotSent(f"the request cannot be signed: {type(error).__name__}")
        answer = await (transport or self._transport).send(request, limit, departure)
        hide = hider(request, credentials)
        if not isinstance(answer, Answer):
            return replace(answer, reason=hide(answer.reason)[:_REASON_LIMIT])
        if answer.date is not None:
            self._dated = (answer.date, self._now())
        is_renewed = await self._renews_key(answer, credentials)
        asked = len(f"{request.method} {request.target} HTTP/1.1")
        return replace(answer, hide=hide, is_key_renewed=is_renewed, asked_bytes=asked)

    async def _renews_key(self, answer: Answer, used: Credentials) -> bool:
        """Ask the key's source once more where the key was refused; say whether it gave another."""
        if answer.is_success:
            self._credentials.was_taken(used)
            return False
        outcome = classify_error(answer)
        is_refused = isinstance(outcome, AccountStopped) and outcome.cause is StopCause.CREDENTIALS
        return is_refused and await self._credentials.renewed(used)


def is_used_nonce(outcome: Outcome) -> bool:
    """Tell whether the gateway says that it has seen this nonce before."""
    return isinstance(outcome, InDoubt) and (outcome.code or "").lower() == "signaturenonceused"


def _split_endpoint(endpoint: str) -> tuple[str, str]:
    """Return origin (``https://host``) and Host header of ``endpoint``, or ConfigurationError."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        message = (
            "the endpoint is not a scheme and a host."
            " Write it like https://vod.cn-shanghai.aliyuncs.com or http://127.0.0.1:8808."
        )
        raise ConfigurationError(message)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    if port not in {None, default}:
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}", host
