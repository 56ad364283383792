"""The gateway's check of time stamps and its memory for nonces (``vod-api.md`` 6.4)."""

from collections import deque
from datetime import datetime
from functools import lru_cache

from batch.emulator.call import Connection
from batch.emulator.refusals import Refused
from batch.emulator.settings import AccessKey, GatewaySettings

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

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._order: deque[tuple[str, float]] = deque()

    def use(
        self,
        nonce: str,
        key: AccessKey,
        connection: Connection,
        now: float,
        settings: GatewaySettings,
    ) -> str:
        """Remember ``nonce``, or refuse the call because it is remembered already.

        ``now`` is a time of :meth:`Clock.played`. Returns what :meth:`forget` takes.
        """
        if not settings.nonce_check:
            return ""
        self._evict(now - settings.nonce_memory_seconds)
        entry = f"{_memory(key, connection, settings)} {nonce}"
        if entry in self._seen:
            raise Refused("used_nonce")
        self._seen[entry] = now
        self._order.append((entry, now))
        return entry

    def forget(self, entry: str) -> None:
        """Let a nonce be used again; for the switches that say a call did not consume it."""
        self._seen.pop(entry, None)

    def grow_older(self, seconds: float) -> None:
        """Let every remembered nonce have been used ``seconds`` earlier."""
        self._seen = {entry: used_at - seconds for entry, used_at in self._seen.items()}
        self._order = deque((entry, used_at - seconds) for entry, used_at in self._order)

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._order.clear()

    def _evict(self, until: float) -> None:
        """Forget what was used at ``until`` or before."""
        order, seen = self._order, self._seen
        while order and order[0][1] <= until:
            entry, used_at = order.popleft()
            if seen.get(entry) == used_at:  # forgotten and used anew: a later use owns it
                del seen[entry]


def _memory(key: AccessKey, connection: Connection, settings: GatewaySettings) -> str:
    """Return the name of the memory that a nonce is looked up in: what shares it, shares nonces."""
    match settings.nonce_scope:
        case "network":
            return ""
        case "account":
            return key.account
        case "key":
            return key.id
        case "node":
            return f"node {connection.number % settings.nodes}"
        case "connection":
            return f"connection {connection.number}"
