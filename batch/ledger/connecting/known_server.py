"""Which start of which server a part of a command relies on, and what it does at another one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from batch.errors import FailedOverError, ServerChangedError
from batch.ledger.connecting.failures import translated_errors
from batch.ledger.connecting.place import Asked, Place, find_place
from batch.ledger.connecting.pool import Pool
from batch.ledger.connecting.waits import at_once

_T = TypeVar("_T")


class KnownServer:
    """The server start that statements are run on, and on no other.

    A failover may have forgotten what the caller believes. So, once the server is known, one that
    would meet another does not run until that one is taken up.
    """

    def __init__(self, pool: Pool, database: Asked) -> None:
        self._pool = pool
        self._database = database
        self._started_at: datetime | None = None
        self._met: datetime | None = None
        self._place: Place | None = None
        self._take_up: Callable[[], Awaitable[object]] = self._insist_on_same_ledger
        self._taking_up = asyncio.Lock()
        self._is_new = False

    def when_new(self, take_up: Callable[[], Awaitable[object]]) -> None:
        """Let ``take_up`` write into another server what was known of the one before.

        It is run with :func:`~batch.ledger.connecting.waits.at_once`, and again where it raises
        DatabaseUnavailableError; nothing else runs until it is done. Without one a command goes on
        only where the same server was started again.
        """
        self._take_up = take_up

    def meet(self, started_at: datetime) -> None:
        """Refuse another server start than the known one.

        Raises:
            ServerChangedError: nothing has run there.
        """
        self._met = started_at
        if self._started_at not in (None, started_at):
            raise ServerChangedError(
                "PostgreSQL is not the server of before, it started at "
                f"{started_at:%Y-%m-%d %H:%M:%S} UTC; start the command again"
            )

    async def know(self) -> None:
        """Rely from now on upon the server start that serves now."""
        self._started_at = None
        with translated_errors():
            await self._pool.expire_connections()
        self._place = await find_place(self._database)
        self._started_at = self._met

    async def on_it(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Run ``work`` once; on another server than before, after that one is taken up."""
        while True:
            await self._take_up_new()
            try:
                return await work()
            except ServerChangedError:
                self._is_new = True

    async def _take_up_new(self) -> None:
        """Take up a new server; every statement waits until that is done."""
        if not self._is_new:
            return
        async with self._taking_up:
            if self._is_new:
                with at_once():
                    await self._take_up()
                self._is_new = False

    async def _insist_on_same_ledger(self) -> None:
        """Go on with a server that lacks nothing of what was committed.

        Raises:
            FailedOverError: it may lack something; what the command has in hand may be others'.
        """
        before = self._place
        await self.know()
        if not (before and self._place and self._place.goes_on_from(before)):
            self._place = None
            raise FailedOverError(
                "another PostgreSQL took over, and may lack what this command saw of the one "
                "before; start the command again"
            )
