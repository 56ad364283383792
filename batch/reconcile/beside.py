"""Settling beside a running submit: a replay is possible for fifteen minutes, a night is longer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog

from batch.errors import DatabaseUnavailableError, VodBatchError
from batch.ledger.connecting.waits import at_once
from batch.reconcile.settling import Settler
from batch.waiting import pause_unless

log = structlog.get_logger()


class SettlingBeside:
    """Rounds of a settler, one every so often, until it is stopped."""

    def __init__(self, settler: Settler, every: timedelta, grace: timedelta) -> None:
        self._settler = settler
        self._every = every.total_seconds()
        self._grace = grace.total_seconds()
        self._stopping = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Begin nothing more; what is on the wire may end."""
        self._stopping.set()

    def force(self) -> None:
        """Wait for nothing: what is on the wire stays in doubt."""
        self.stop()
        if self._rounds:
            self._rounds.cancel()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Go round beside the block, and end with it."""
        self._rounds = asyncio.create_task(self._go_round(), name="settling")
        try:
            yield
        finally:
            self.stop()
            await asyncio.wait([self._rounds], timeout=self._grace)
            self.force()
            await asyncio.wait([self._rounds])
        if not self._rounds.cancelled():
            self._rounds.result()

    async def _go_round(self) -> None:
        """Settle until stopped; the run itself meets and reports what hinders."""
        while not self._stopping.is_set():
            await pause_unless(self._stopping, self._every)
            if self._stopping.is_set():
                return
            try:
                # At once: doubts of a server that is gone are not settled on another.
                with at_once():
                    await self._settler.tick(self._stopping)
            except DatabaseUnavailableError as error:
                log.warning("settling_waits", error=str(error))
            except VodBatchError as error:
                log.warning("settling_ended", error=str(error))
                return
