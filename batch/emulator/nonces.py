"""The gateway's check of time stamps and its memory for nonces (``vod-api.md`` 6.4)."""

from collections import deque
from datetime import datetime
from functools import lru_cache

from batch.emulator.accounts import AccessKey
from batch.emulator.answers import Refused
from batch.emulator.sections import GatewaySettings

_FORM_LENGTH = len("2026-01-02T03:04:05Z")


def check_timestamp(text: str, wall: float, tolerance: float) -> None:
    """Refuse ``text`` unless it is ``yyyy-MM-ddTHH:mm:ssZ`` within ``tolerance`` s of ``wall``."""
    moment = _seconds_of(text)
    if moment is None:
        raise Refused("malformed_timestamp")
    if abs(wall - moment) > tolerance:
        raise Refused("expired_timestamp")


@lru_cache(maxsize=1024)
def _seconds_of(text: str) -> float | None:
    """Return seconds since 1970; calls of one second share one text."""
    if len(text) != _FORM_LENGTH or text[10] != "T" or text[-1] != "Z":
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


class NonceBook:
    """Nonces of all admitted calls, whatever their action, for as long as they are remembered."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._is_on = settings.nonce_check
        self._scope = settings.nonce_scope
        self._memory = settings.nonce_memory_seconds
        self._seen: dict[str, float] = {}
        self._order: deque[tuple[str, float]] = deque()

    def use(self, nonce: str, key: AccessKey, now: float) -> str:
        """Remember ``nonce``, or refuse the call because it is remembered already.

        ``now`` is a time of :meth:`Clock.played`. Returns what :meth:`forget` takes.
        """
        if not self._is_on:
            return ""
        self._evict(now)
        entry = self._entry(nonce, key)
        if entry in self._seen:
            raise Refused("used_nonce")
        self._seen[entry] = now
        self._order.append((entry, now))
        return entry

    def forget(self, entry: str) -> None:
        """Let a nonce be used again; for the switches that say a call did not consume it."""
        self._seen.pop(entry, None)

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._order.clear()

    def _entry(self, nonce: str, key: AccessKey) -> str:
        if self._scope == "network":
            return nonce
        return f"{key.account if self._scope == 'account' else key.id} {nonce}"

    def _evict(self, now: float) -> None:
        order, seen = self._order, self._seen
        while order and now - order[0][1] >= self._memory:
            entry, used_at = order.popleft()
            if seen.get(entry) == used_at:  # forgotten and used anew: a later use owns it
                del seen[entry]
