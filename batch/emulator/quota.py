"""The QPS limit: calls per account and action in any sliding second (``vod-api.md`` 1.5)."""

from collections import defaultdict, deque

from batch.emulator.settings import DEFAULT_LIMITS, QuotaSettings

WINDOW = 1.0
"""Length of the sliding window in seconds."""


class Quota:
    """Strict: call number ``limit + 1`` inside the last 1.0 s is refused, at exactly 1.0 s not."""

    def __init__(self, settings: QuotaSettings) -> None:
        self._settings = settings
        self.limits = {**DEFAULT_LIMITS, **settings.limits}
        """May be changed while running; calls of the current second still count."""
        self._admitted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def admits(self, account: str, action: str, now: float) -> bool:
        """Say whether a call at ``now`` (monotonic seconds) is within the limit, and count it."""
        limit = self.limits.get(action, self._settings.default_limit)
        if limit == 0:
            return True
        calls = self._admitted[account, action]
        while calls and now - calls[0] >= WINDOW:
            calls.popleft()
        full = len(calls) >= limit
        if not full or self._settings.count_refused:
            calls.append(now)
        return not full
