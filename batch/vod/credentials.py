"""Where the key comes from: Alibaba's own chain, read off the event loop and kept for a minute.

The chain (``vod-api.md`` 8): environment, OIDC, CLI profile, credentials file, ECS RAM role, URI.
The library reads ``ALIBABA_CLOUD_*`` once, when it is imported, so it is imported at first use.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from batch.errors import PermissionRefusedError

FRESH_SECONDS = 60.0
"""How long a credential is used before the chain is asked again; the chain itself renews an STS
token when less than 15 minutes of it are left."""

_ADVICE = (
    "Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and"
    " ALIBABA_CLOUD_SECURITY_TOKEN for a temporary key), or provide a profile or a RAM role."
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key to sign with. The repr shows neither secret nor token.

    ``expires_at`` (UTC) is when a temporary key ends, where its source says so.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    provider: str = "static_ak"
    expires_at: datetime | None = field(default=None, repr=False)


class _Chain:
    """The default chain of ``alibabacloud_credentials``, built at the first call. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._client: Any = None

    def __call__(self) -> Credentials:
        with self._lock:
            if self._client is None:
                self._client = _build_chain()
            found = self._client.get_credential()
            ends = _expiry(self._client) if found.security_token else None
        return Credentials(
            access_key_id=found.access_key_id or "",
            access_key_secret=found.access_key_secret or "",
            security_token=found.security_token or None,
            provider=found.provider_name or "default",
            expires_at=ends,
        )


_INNER = (
    "_DefaultCredentialsProvider__last_used_provider",
    "_CLIProfileCredentialsProvider__innerProvider",
    "_ProfileCredentialsProvider__innerProvider",
)


def _expiry(client: Any) -> datetime | None:
    """Return when the chain's key ends: its last member knows, and those around it drop it.

    It is for people to read, so a library that hides it elsewhere one day costs no more than that.
    """
    try:
        provider = client.cloud_credential.provider
        while inner := next((p for name in _INNER if (p := getattr(provider, name, None))), None):
            provider = inner
        ends = provider.get_credentials().get_expiration()
        return datetime.fromtimestamp(ends, UTC) if ends else None
    except Exception:
        return None


def _build_chain() -> Any:
    """Import the library (half a second) and silence it: its log lines may repeat an answer."""
    from alibabacloud_credentials.client import Client

    noisy = logging.getLogger("credentials")
    for handler in list(noisy.handlers):
        noisy.removeHandler(handler)
    noisy.addHandler(logging.NullHandler())
    noisy.propagate = False
    return Client()


class CredentialSource:
    """The current credential, for any number of callers at once.

    ``load`` is called in a thread, one call at a time; it returns a credential or raises.
    """

    def __init__(
        self,
        load: Callable[[], Credentials] | None = None,
        *,
        fresh_seconds: float = FRESH_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load or _Chain()
        self._fresh_seconds = fresh_seconds
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._held: Credentials | None = None
        self._fresh_until = 0.0

    async def current(self) -> Credentials:
        """Return the credential to sign with now.

        While one caller refreshes, the others get the one we hold. A failed refresh keeps it too.
        Raises PermissionRefusedError when there is none to give.
        """
        held = self._held
        if held is not None and (self._monotonic() < self._fresh_until or self._lock.locked()):
            return held
        async with self._lock:
            if self._held is None or self._monotonic() >= self._fresh_until:
                self._held = await self._refreshed()
                self._fresh_until = self._monotonic() + self._fresh_seconds
            return self._held

    async def _refreshed(self) -> Credentials:
        try:
            found = await asyncio.to_thread(self._load)
        except Exception as error:
            if self._held is not None:
                _log.warning("credentials not refreshed (%s), keeping them", type(error).__name__)
                return self._held
            message = f"no Alibaba Cloud credentials were found. {_ADVICE}"
            raise PermissionRefusedError(message) from None
        _check(found)
        return found


def _check(found: Credentials) -> None:
    """Refuse what cannot stand in a header, such as a key with the line break of its file."""
    parts = {
        "access key id": found.access_key_id,
        "access key secret": found.access_key_secret,
        "security token": found.security_token or "none",
    }
    for name, value in parts.items():
        if not value:
            message = f"the {name} is empty. {_ADVICE}"
            raise PermissionRefusedError(message)
        if not (value.isascii() and value.isprintable()) or " " in value:
            message = f"the {name} holds a space, a line break or a non-ASCII character. {_ADVICE}"
            raise PermissionRefusedError(message)
