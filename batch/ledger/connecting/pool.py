"""A connection pool that makes do with few: a role, a database or a server may be full.

A night needs two connections at a time: its lock's, and one for its work. A pool that is refused
one asks the pools of this program to close idle ones, and shares those that it has.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakSet

import asyncpg

from batch.errors import ServerFullError, VodBatchError

FULL_SECONDS = 10.0
"""How long a full server is waited for: what others hold may be free in a moment."""

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_MODEST_SECONDS = 10.0
"""After a refusal no further connection is asked for so long, as long as there is one to share."""

_T = TypeVar("_T")


class Pool:
    """An asyncpg pool of at most ``most`` connections, opened as they are needed."""

    def __init__(self, pool: asyncpg.Pool, most: int) -> None:
        self._pool = pool
        self._room = _Room(most)
        self._loop = asyncio.get_running_loop()
        _pools.add(self)

    async def acquire(self) -> asyncpg.Connection:
        """Return a connection, to be given back by :meth:`release`.

        Raises:
            ServerFullError: the server has none for us, and we have none to share.
        """

        async def once() -> asyncpg.Connection:
            await self._room.enter()
            try:
                return await self._pool.acquire()
            except BaseException as error:
                self._room.leave()
                if isinstance(error, ServerFullError):
                    self._room.share(self._pool.get_size())
                raise

        while True:
            try:
                return await patient_while_full(once)
            except ServerFullError:
                if not self._pool.get_size():
                    raise

    async def release(self, connection: asyncpg.Connection) -> None:
        """Take a connection back."""
        try:
            await self._pool.release(connection)
        finally:
            self._room.leave()

    async def give_up_idle(self) -> bool:
        """Close what nobody uses now; say whether there was anything."""
        given_up = False
        while self._pool.get_idle_size() and not self._pool.is_closing():
            connection = await self._pool.acquire()
            try:
                await connection.close()
            finally:
                await self._pool.release(connection)
            given_up = True
        return given_up

    async def expire_connections(self) -> None:
        """Let each connection be replaced before it is used again."""
        await self._pool.expire_connections()

    async def close(self) -> None:
        """Close every connection, once it is given back."""
        _pools.discard(self)
        await self._pool.close()

    def terminate(self) -> None:
        """Cut every line that is still open."""
        self._pool.terminate()

    def is_beside_us(self) -> bool:
        """Whether it belongs to this event loop."""
        return self._loop is asyncio.get_running_loop()


class _Room:
    """Counts the connections in use, and how many may be."""

    def __init__(self, most: int) -> None:
        self._most = self._shared = most
        self._in_use = 0
        self._modest_until = 0.0
        self._left = asyncio.Event()

    async def enter(self) -> None:
        """Wait for a place."""
        while self._in_use >= (
            self._shared if time.monotonic() < self._modest_until else self._most
        ):
            self._left.clear()
            await self._left.wait()
        self._in_use += 1

    def leave(self) -> None:
        """Give a place up."""
        self._in_use -= 1
        self._left.set()

    def share(self, connections: int) -> None:
        """Take turns over so many for a while: the server has no more."""
        self._shared = max(1, connections)
        self._modest_until = time.monotonic() + _MODEST_SECONDS


_pools: WeakSet[Pool] = WeakSet()
"""The open pools of this process."""


async def patient_while_full(connect: Callable[[], Awaitable[_T]]) -> _T:
    """Run ``connect``, again and again while the server has no connection left for us.

    Raises:
        ServerFullError: it had none for :data:`FULL_SECONDS`.
    """
    give_up_at = time.monotonic() + FULL_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await connect()
        except ServerFullError:
            if time.monotonic() >= give_up_at:
                raise
        if not await _give_up_idle():
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _give_up_idle() -> bool:
    """Let every part of this program close what it does not use now."""
    beside_us = [pool for pool in _pools if pool.is_beside_us()]
    with contextlib.suppress(VodBatchError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return any([await pool.give_up_idle() for pool in beside_us])
    return False
