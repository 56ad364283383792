"""How a request leaves: with its connection open, at a slot of the pace, unless the run stops."""

import asyncio
from datetime import UTC, datetime

from batch.core.doubt import OLDEST_DATE
from batch.core.models import Claim
from batch.submit.shared_pace import SharedPace
from batch.vod.connector import NotDepartedError
from batch.waiting import unless


class SlotDeparture:
    """The departure of one claim's request (:class:`batch.vod.connector.Departure`)."""

    def __init__(self, claim: Claim, pace: SharedPace, stopping: asyncio.Event) -> None:
        self._claim = claim
        self._pace = pace
        self._stopping = stopping
        self.has_left = False
        """Whether the request may have been sent; before that it surely was not."""

    async def near(self) -> None:
        """Wait out a cooldown; a connection would be stale by then. Raises NotDepartedError."""
        if self._pace.cooldown_left:
            await unless(self._stopping, self._pace.after_cooldown())
        self._insist_on_going()

    async def leave(self) -> None:
        """Wait for a slot. Raises NotDepartedError, and VodBatchError when none can be had."""
        if not await self._has_slot():
            raise NotDepartedError("not sent: the run is stopping")
        if datetime.now(UTC) - self._claim.signed_at > OLDEST_DATE:
            raise NotDepartedError("not sent: a cooldown outlasted its date")
        self.has_left = True

    async def _has_slot(self) -> bool:
        if self._stopping.is_set():
            return False
        if self._pace.is_open:
            await self._pace.depart()
            return True
        wait = asyncio.ensure_future(self._pace.depart())
        try:
            await unless(self._stopping, asyncio.wait([wait]))
            if not wait.done():
                return False
            wait.result()  # a slot that could not be had is none
            return True
        finally:
            wait.cancel()

    def _insist_on_going(self) -> None:
        if self._stopping.is_set():
            raise NotDepartedError("not sent: the run is stopping")
