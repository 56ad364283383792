"""Connections checked out of the pool for a block: bare, or in a transaction, hurried or not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from batch.ledger.connecting.connection import backend_of, is_alive
from batch.ledger.connecting.door import Door
from batch.ledger.connecting.known_server import KnownServer
from batch.ledger.connecting.pool import Pool
from batch.ledger.connecting.waits import Waits

_LOOK_SECONDS = 10.0

_CUT_OFF = (TimeoutError, asyncio.CancelledError, GeneratorExit)
"""What ends a block while an answer may still be on its way."""


class Checkout:
    """A connection of the pool, for a block. A class, because each statement has one.

    One that was left in the middle of something is cut: what was asked may never be answered, and
    neither may the driver's request to cancel it.
    """

    __slots__ = ("_connection", "_pool", "_prepare")

    def __init__(
        self, pool: Pool, prepare: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> None:
        self._pool = pool
        self._prepare = prepare

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._pool.acquire()
        try:
            await self._prepare(self._connection)
        except BaseException as error:
            await self.__aexit__(None, error, None)
            raise
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, _CUT_OFF):
            self._connection.terminate()
        await self._pool.release(self._connection)


class Checkouts:
    """Checks connections out of a pool for one part of a command, to the server that it knows."""

    def __init__(
        self, pool: Pool, door: Door, server: KnownServer, waits: Waits, *, plans_once: bool
    ) -> None:
        self._pool = pool
        self._door = door
        self._server = server
        self._waits = waits
        self._plans_once = plans_once

    def one(self) -> Checkout:
        """Yield a connection outside any transaction."""
        return Checkout(self._pool, self._take_up)

    async def _take_up(self, connection: asyncpg.Connection) -> None:
        """Make a session of the pool this part's own; behind a pooler each transaction is."""
        if not self._door.pooled:
            self._server.meet(connection.server_started_at)
            await connection.keep(plans_once=self._plans_once)

    @contextlib.asynccontextmanager
    async def hurried(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection inside a transaction, as long as nobody hurries."""
        async with (
            self._waits.within(None),
            self.one() as connection,
            self.bound(connection),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def unhurried(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection inside a transaction, as long as PostgreSQL gives a sign of life."""
        async with (
            self.one() as connection,
            self.bound(connection),
            self._watched(connection),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def bound(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Hold a transaction on ``connection`` for the block.

        Nobody waits for a roll-back behind an answer that does not come: the cut line is one.
        """
        work = connection.transaction()
        await work.start()
        try:
            if self._door.pooled:
                entered = await self._door.enter(connection, plans_once=self._plans_once)
                self._server.meet(entered["server_started_at"])
            yield
        except _CUT_OFF:
            raise
        except BaseException:
            if not connection.is_closed():
                await work.rollback()
            raise
        await work.commit()

    @contextlib.asynccontextmanager
    async def _watched(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Cut the line when PostgreSQL gives no sign of life beside it."""
        pid = await backend_of(connection)
        watch = asyncio.create_task(self._cut_when_silent(connection, pid), name="sign of life")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _cut_when_silent(self, connection: asyncpg.Connection, pid: int) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not await is_alive(self._door.address, pid):
                connection.terminate()
                return
