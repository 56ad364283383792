"""The key that signs now: asked of its sources off the event loop, and kept for a minute."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from batch.core.backoff import delay_seconds
from batch.errors import PermissionRefusedError
from batch.vod.chain import ADVICE, Chain, SourceFailedError
from batch.vod.key import Credentials

__all__ = ["CredentialSource", "Credentials"]

FRESH_SECONDS = 60.0
"""How long a credential is used before the chain is asked again; the chain itself renews an STS
token when less than 15 minutes of it are left, and reads a file that changed."""

PATIENCE_SECONDS = 30.0
"""How long a first key is asked for where its source is set up and fails."""

_LONGEST_WAIT_SECONDS = 8.0


class CredentialSource:
    """The current credential, for any number of callers at once.

    ``load`` is called in a thread, one call at a time; it returns a credential or raises.
    ``forget`` lets the next load come from the source itself. ``patience`` is in seconds.
    """

    def __init__(
        self,
        load: Callable[[], Credentials] | None = None,
        *,
        forget: Callable[[], None] | None = None,
        fresh_seconds: float = FRESH_SECONDS,
        patience: float = PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        chain = Chain()
        self._load = load or chain
        self._forget = forget or chain.forget
        self._fresh_seconds = fresh_seconds
        self._patience = patience
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._current: Credentials | None = None
        self._fresh_until = 0.0
        self._may_renew = True

    async def current(self) -> Credentials:
        """Return the credential to sign with now.

        While one caller refreshes, the others get the one we hold. A failed refresh keeps it too.
        Raises PermissionRefusedError when there is none to give.
        """
        current = self._current
        if current is not None and (self._monotonic() < self._fresh_until or self._lock.locked()):
            return current
        async with self._lock:
            if self._current is None or self._monotonic() >= self._fresh_until:
                self._hold(await self._refreshed())
            assert self._current is not None
            return self._current

    def was_taken(self, credentials: Credentials) -> None:
        """Take note that the cloud took a request signed so: a later refusal may be asked about."""
        if self._current is not None and self._current.signs_as(credentials):
            self._may_renew = True

    async def renewed(self, refused: Credentials) -> bool:
        """Ask the source once more, as the cloud refused ``refused``; say whether another key
        signs from now on.

        A key that was renewed so and is refused before it was ever taken is not asked about again.
        """
        async with self._lock:
            if self._current is None or not self._current.signs_as(refused):
                return self._current is not None
            if not self._may_renew:
                return False
            self._may_renew = False
            self._forget()
            found = await self._refreshed()
            is_another = not found.signs_as(refused)
            self._hold(found)
            if is_another:
                _warn("key_renewed")
            return is_another

    def _hold(self, found: Credentials) -> None:
        self._current = found
        self._fresh_until = self._monotonic() + self._fresh_seconds

    async def _refreshed(self) -> Credentials:
        try:
            found = await self._loaded()
            _check(found)
        except PermissionRefusedError as error:
            if self._current is None:
                raise
            _warn("credentials_not_refreshed", error=str(error))
            return self._current
        return found

    async def _loaded(self) -> Credentials:
        """Ask until there is a key, for as long as we are patient if we hold none."""
        give_up_at = self._monotonic() + self._patience
        attempt = 0
        while True:
            try:
                return await asyncio.to_thread(self._load)
            except SourceFailedError as error:
                attempt += 1
                if self._current is not None:
                    raise
                if self._monotonic() >= give_up_at:
                    raise PermissionRefusedError(
                        f"no credentials for {self._patience:.0f} s: {error}. Fix that source, or"
                        " give another one."
                    ) from None
                _warn("no_credentials_yet", error=str(error))
            except PermissionRefusedError:
                raise
            except Exception as error:
                name = type(error).__name__
                message = f"no Alibaba Cloud credentials were found ({name}). {ADVICE}"
                raise PermissionRefusedError(message) from None
            await self._sleep(delay_seconds(attempt, cap=_LONGEST_WAIT_SECONDS))


def _warn(event: str, **fields: str) -> None:
    from batch.logs import rare_logger  # who finds the lock of a night held must be quick

    rare_logger().warning(event, **fields)


def _check(found: Credentials) -> None:
    """Refuse what cannot stand in a header, such as a key with the line break of its file."""
    parts = {
        "access key id": found.access_key_id,
        "access key secret": found.access_key_secret,
        "security token": found.security_token or "none",
    }
    for name, value in parts.items():
        if not value:
            message = f"the {name} is empty. {ADVICE}"
            raise PermissionRefusedError(message)
        if not (value.isascii() and value.isprintable()) or " " in value:
            message = f"the {name} holds a space, a line break or a non-ASCII character. {ADVICE}"
            raise PermissionRefusedError(message)
