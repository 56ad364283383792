"""The gateway's check of time stamps and its memory for nonces (``vod-api.md`` 6.4)."""

from collections import OrderedDict
from datetime import datetime
from functools import lru_cache

from batch.emulator.call import Call
from batch.emulator.refusals import Refused
from batch.emulator.settings import GatewaySettings

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
        self._used: OrderedDict[str, float] = OrderedDict()

    def use(self, memory: str, nonce: str, now: float, keep_seconds: float) -> str:
        """Remember ``nonce``, or refuse the call because it is remembered already.

        Nonces of another ``memory`` do not matter; ``now`` is a time of :meth:`Clock.played`.
        Returns what :meth:`forget` takes.
        """
        used = self._used
        while used and used[oldest := next(iter(used))] <= now - keep_seconds:
            del used[oldest]
        entry = f"{memory} {nonce}"
        if entry in used:
            raise Refused("used_nonce")
        used[entry] = now
        return entry

    def forget(self, entry: str) -> None:
        """Let a nonce be used again; for the switches that say a call did not consume it."""
        self._used.pop(entry, None)

    def grow_older(self, seconds: float) -> None:
        """Let every remembered nonce have been used ``seconds`` earlier."""
        for entry in self._used:
            self._used[entry] -= seconds

    def clear(self) -> None:
        """Forget every nonce."""
        self._used.clear()


def memory_of(call: Call, settings: GatewaySettings) -> str:
    """Return the name of the memory that a nonce is looked up in: what shares it, shares nonces."""
    match settings.nonce_scope:
        case "network":
            return ""
        case "account":
            return call.account
        case "key":
            return call.access_key_id
        case "node":
            return f"node {call.connection.number % settings.nodes}"
        case "connection":
            return f"connection {call.connection.number}"
