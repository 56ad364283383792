"""The gateway's memory for time stamps and nonces (``vod-api.md`` 6.4)."""

from collections import deque
from datetime import datetime
from functools import lru_cache

from batch.emulator.answers import Refused

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
    """Nonces seen within the last ``memory`` seconds (monotonic), whoever sent them."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._seen: dict[str, float] = {}
        self._order: deque[tuple[str, float]] = deque()

    def use(self, nonce: str, now: float) -> None:
        """Remember ``nonce``, or refuse the call because it is remembered already."""
        self._evict(now)
        if nonce in self._seen:
            raise Refused("used_nonce")
        self._seen[nonce] = now
        self._order.append((nonce, now))

    def forget(self, nonce: str) -> None:
        """Let ``nonce`` be used again; for the switches that say a call did not consume it."""
        self._seen.pop(nonce, None)

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._order.clear()

    def _evict(self, now: float) -> None:
        order, seen = self._order, self._seen
        while order and now - order[0][1] >= self._memory:
            nonce, used_at = order.popleft()
            if seen.get(nonce) == used_at:  # forgotten and used anew: a later entry owns it
                del seen[nonce]
