"""Is this answer one that another request was given already?

A gateway or proxy that answers twice on a kept connection makes every later answer there the one
before's. A refusal or a throttling that is another's would have a job paid twice.
"""

import re
from collections import OrderedDict

_REQUEST_ID = re.compile(
    rb'"RequestId"\s*:\s*"([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"'
)
"""A UUID, in every answer and its own (``vod-api.md`` 5)."""

_MOST_KEPT = 10_000


class AnswersSeen:
    """The answers of the last ten thousand requests, by RequestId.

    A RequestId that came with different answers, one of zeros say, names none: nothing can be known
    by it, and nothing with it is a repeat.
    """

    def __init__(self) -> None:
        self._bodies: OrderedDict[bytes, int | None] = OrderedDict()

    def is_repeat(self, body: bytes) -> bool:
        """Return whether ``body`` was the answer to an earlier request; from now on it was."""
        found = _REQUEST_ID.search(body)
        if found is None:
            return False
        request_id, answer = found[1], hash(body)
        if request_id not in self._bodies:
            self._keep(request_id, answer)
            return False
        if self._bodies[request_id] != answer:
            self._bodies[request_id] = None
            return False
        return True

    def _keep(self, request_id: bytes, answer: int) -> None:
        self._bodies[request_id] = answer
        if len(self._bodies) > _MOST_KEPT:
            self._bodies.popitem(last=False)
