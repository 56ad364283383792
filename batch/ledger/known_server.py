"""Which start of which server a command relies on, and what it does where another one serves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from batch.errors import FailedOverError, ServerChangedError
from batch.ledger.connections import Connections
from batch.ledger.door import Door
from batch.ledger.failures import translated_errors
from batch.ledger.place import Asked, Place, find_place
from batch.ledger.waits import at_once

_T = TypeVar("_T")


class KnownServer:
    """The server start that a database's statements are run on, and on no other.

    A statement that would meet another one raises :class:`~batch.errors.ServerChangedError`, and
    has not run: a failover may have forgotten what the caller believes.
    """

    def __init__(self, door: Door, pool: Connections, database: Asked) -> None:
        self._door = door
        self._pool = pool
        self._database = database
        self._place: Place | None = None
        self._take_up: Callable[[], Awaitable[object]] = self._insist_on_same_ledger
        self._taking_up = asyncio.Lock()
        self._is_new = False

    def when_new(self, take_up: Callable[[], Awaitable[object]]) -> None:
        """Let ``take_up`` bring another server up to what was known of the one before.

        It is run with :func:`~batch.ledger.waits.at_once`, and again where it raises
        DatabaseUnavailableError; nothing else runs until it is done. Without one a command goes on
        only where the same server was started again.
        """
        self._take_up = take_up

    async def know(self) -> None:
        """Rely from now on upon the server start that serves now."""
        self._door.server = None
        with translated_errors():
            await self._pool.expire_connections()
        await self.look()

    async def look(self) -> None:
        """Rely upon the server start that let us in last, and see where it stands."""
        self._place = await find_place(self._database)
        self._door.server = self._door.found

    async def on_it(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Run ``work`` once; on another server than before, after that one is taken up."""
        while True:
            await self._take_up_new()
            try:
                return await work()
            except ServerChangedError:
                self._is_new = True

    async def _take_up_new(self) -> None:
        """Take up a new server; whoever has something to ask waits until that is done."""
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
