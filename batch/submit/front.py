"""From where in the line a begin looks: from its front, unless that has become a long way.

A snapshot that somebody holds (a dump, a report left open) keeps everything that was sent since in
the index, and each begin from the front steps over all of it.
"""

import time
from collections.abc import Callable, Sequence

from batch.core.models import Claim
from batch.ledger.store import QueuePlace

_LONG_SECONDS = 0.05
"""A begin that took longer than this from the front is spared that for a while."""

_SHARE = 20
"""Of all time, one part in so many at the most is spent on the way from the front."""


class Front:
    """Where the next begin looks from. What came in before that place waits a moment: as long as a
    begin from the front took, ``_SHARE`` times, or until nothing is found from the place on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._place: QueuePlace | None = None
        self._front_again_at = 0.0

    def place(self) -> QueuePlace | None:
        """Return where to look from; ``None`` is the front."""
        if self._clock() >= self._front_again_at:
            self._place = None
        return self._place

    def found(self, claims: Sequence[Claim], asked: int, started: float) -> None:
        """Learn from a begin of ``asked`` requests, which started at a time of the clock."""
        if not claims or len(claims) < asked:
            self._place = None
            return
        took = self._clock() - started
        if self._place is None and took > _LONG_SECONDS:
            self._front_again_at = self._clock() + _SHARE * took
        members = [member for claim in claims for member in claim.members]
        first = min(members, key=lambda member: (-member.priority, member.id))
        self._place = (first.priority, first.id)
