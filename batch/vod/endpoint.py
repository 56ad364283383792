"""One endpoint of the cloud's API: each request is signed with the key in force and sent once."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

from yarl import URL

from batch.core.classify import classify_error
from batch.core.outcome import AccountStopped, Answer, InDoubt, NotSent, StopCause
from batch.core.unseen import UnseenWords
from batch.errors import ConfigurationError
from batch.vod import signing
from batch.vod.connector import Departure
from batch.vod.credentials import Credentials, CredentialSource
from batch.vod.hiding import hider
from batch.vod.proxy import proxy_for
from batch.vod.transport import Timeouts, Transport

_REASON_LIMIT = 200
QUERY_LIMIT_BYTES = 16 << 20
"""Ten results with full speech texts are far larger than an answer to a submit."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Endpoint:
    """One endpoint of the API, an async context manager.

    ``endpoint`` is scheme and host (``https://vod.cn-shanghai.aliyuncs.com``,
    ``http://127.0.0.1:8808``). ``timeouts`` are in seconds. ``pool_size`` bounds the connections:
    make it more than the number of senders, and none waits for one. ``keepalive`` seconds an idle
    one is used again. The proxy variables count (:mod:`batch.vod.proxy`).

    Raises ConfigurationError for what is no endpoint.
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
    ) -> None:
        origin, self._host = _read_endpoint(endpoint)
        self._credentials = credentials
        self.now = now
        self.unseen = UnseenWords()
        """Words of its answers that no document of ours knows, to be kept by the caller."""
        self._dated: tuple[str, datetime] | None = None
        self.transport = Transport(
            origin,
            timeouts=timeouts,
            pool_size=pool_size,
            keepalive=keepalive,
            proxy=proxy_for(origin),
        )

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(signing.warm)
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.transport.__aexit__(kind, error, trace)

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

    async def call(
        self,
        action: str,
        params: Mapping[str, str],
        *,
        nonce: str,
        signed_at: datetime,
        limit: int = QUERY_LIMIT_BYTES,
        key_id: str | None = None,
        transport: Transport | None = None,
        departure: Departure | None = None,
    ) -> Answer | NotSent | InDoubt:
        """Sign and send one request; note the server's clock; say what its answer must not show.

        With ``key_id`` no other key signs.
        """
        credentials = await self._credentials.current()
        if key_id not in (None, credentials.access_key_id):
            return NotSent("not sent: the access key was changed meanwhile", by_choice=True)
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
        answer = await (transport or self.transport).send(request, limit, departure)
        hide = hider(request, credentials)
        if not isinstance(answer, Answer):
            return replace(answer, reason=hide(answer.reason)[:_REASON_LIMIT])
        if answer.date is not None:
            self._dated = (answer.date, self.now())
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


def _read_endpoint(endpoint: str) -> tuple[str, str]:
    """Return origin (``https://host``) and Host header of ``endpoint``, or ConfigurationError."""
    try:
        url = URL(endpoint)
    except ValueError:
        url = URL()
    is_plain = not (url.path.strip("/") or url.query_string or url.fragment or url.user)
    host = url.host_port_subcomponent
    if url.scheme not in {"http", "https"} or not host or not is_plain:
        raise ConfigurationError(
            "the endpoint is not a scheme and a host."
            " Write it like https://vod.cn-shanghai.aliyuncs.com or http://127.0.0.1:8808."
        )
    return str(url.origin()), host
