"""How a run ends: why it takes no more work, and how long what is open may take from then on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batch.errors import VodBatchError
from batch.submit.tally import StopReason


class Ending:
    """The end of one run, which is ahead until ``stopping`` is set.

    ``hurry`` bounds what still waits for the database. Times are in seconds of ``clock``.
    """

    def __init__(
        self, grace: float, hurry: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self.stopping = asyncio.Event()
        self.reason: StopReason | None = None
        """Why it takes no more work: the first reason stays."""
        self.failure: BaseException | None = None
        """The first error that ended it."""
        self._grace = grace
        self._hurry = hurry
        self._clock = clock
        self._drained_by = 0.0

    def stop(self, reason: StopReason) -> None:
        """Take no more work; finish and record what is on the wire."""
        self.reason = self.reason or reason
        self.begin()

    def fail(self, error: BaseException) -> None:
        """Stop because something the run needs is gone, or broken."""
        self.failure = self.failure or error
        self.begin()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Let a failure of the block end the run; what waits for the block goes on."""
        try:
            yield
        except VodBatchError as error:
            self.fail(error)

    def begin(self) -> None:
        """Begin nothing more. From now on there is the grace for all that is open, and no more."""
        if not self.stopping.is_set():
            self._drained_by = self._clock() + self._grace
            self._hurry(self._grace)
            self.stopping.set()

    @property
    def grace_left(self) -> float:
        """Seconds that are left for what is open."""
        return max(0.0, self._drained_by - self._clock())
