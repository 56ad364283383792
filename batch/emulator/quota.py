"""The QPS limit: calls per account and action in any sliding second (``vod-api.md`` 1.5)."""

from collections import deque

from batch.emulator.settings import DEFAULT_LIMITS, QuotaSettings

WINDOW = 1.0
"""Length of the sliding window in seconds."""


class Quota:
    """Strict: call number ``limit + 1`` inside the last 1.0 s is refused, at exactly 1.0 s not."""

    def __init__(self, settings: QuotaSettings) -> None:
        self._settings = settings
        self.limits = {**DEFAULT_LIMITS, **settings.limits}
        """May be changed while running; calls of the current second still count."""
        self._admitted: dict[tuple[str, str], deque[float]] = {}

    def admits(self, account: str, action: str, now: float) -> bool:
        """Say whether a call at ``now`` (monotonic seconds) is within the limit, and count it."""
        limit = self.limits.get(action, self._settings.default_limit)
        if limit == 0:
            return True
        calls = self._calls(account, action, limit)
        full = len(calls) == limit and now - calls[0] < WINDOW
        if not full or self._settings.count_refused:
            calls.append(now)
        return not full

    def _calls(self, account: str, action: str, limit: int) -> deque[float]:
        """Return the times of the last ``limit`` calls; older ones cannot matter."""
        calls = self._admitted.get((account, action))
        if calls is None or calls.maxlen != limit:
            calls = deque(calls or (), maxlen=limit)
            self._admitted[account, action] = calls
        return calls
