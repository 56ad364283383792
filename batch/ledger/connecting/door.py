"""How a connection is opened, and how its session is set up before it is used."""

import asyncpg

from batch.errors import ConfigurationError
from batch.ledger.connecting.address import Address
from batch.ledger.connecting.connection import Connection, connect_at_once, shares_backends
from batch.ledger.connecting.pool import Pool
from batch.ledger.statements import statement

_ENTER_SECONDS = 10.0
_POOL_SIZE = 6
_NAME = "vod-batch"


class Door:
    """Sets up each session, or behind a pooler each transaction, before it is used."""

    def __init__(self, address: Address, *, pooled: bool) -> None:
        self.pooled = pooled
        self.address = address
        self._is_known = False

    async def open_pool(self) -> Pool:
        """Return a pool of sessions, which are opened as they are needed."""

        async def connect(*_words: object, **_more: object) -> Connection:
            if self.pooled:
                return await connect_at_once(self.address, statement_cache_size=0)
            return await connect_at_once(self.address, name=_NAME)

        pool = await asyncpg.create_pool(
            connect=connect,
            connection_class=Connection,
            min_size=0,
            max_size=_POOL_SIZE,
            init=None if self.pooled else self.begin,
            reset=_keep_as_is,
        )
        return Pool(pool, _POOL_SIZE)

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Make a session of our own lean, and note where it leads.

        Raises:
            ConfigurationError: it is not ours alone, and the settings do not say so.
        """
        async with connection.transaction():  # or a pooler might parse here and run there
            entered = await self.enter(connection, plans_once=False)
        if entered["backend"] != connection.get_server_pid():
            await self._insist_on_a_session()
        connection.server_started_at = entered["server_started_at"]

    async def _insist_on_a_session(self) -> None:
        """Refuse a pooler that shares sessions: what one is set to would reach others."""
        if self._is_known:
            return
        if await shares_backends(self.address):
            raise ConfigurationError(
                "a pooler in transaction mode is in front of PostgreSQL, and the settings do not "
                "say so; set VOD_BATCH_DATABASE_POOLED=true, and VOD_BATCH_DATABASE_DIRECT_URL to "
                "a way around it"
            )
        self._is_known = True

    async def enter(self, connection: asyncpg.Connection, *, plans_once: bool) -> asyncpg.Record:
        """Make the session lean and its commits durable; return what serves it: the process
        (``backend``) and the start of its server (``server_started_at``).
        """
        enter = statement("enter")
        return await connection.fetchrow(enter, self.pooled, plans_once, timeout=_ENTER_SECONDS)


async def _keep_as_is(_connection: asyncpg.Connection) -> None:
    """Skip the pool's clean-up round trip: no statement of ours leaves anything in a session."""
