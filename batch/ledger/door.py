"""The door to PostgreSQL: what each session is told first, and which server it leads to."""

from datetime import datetime

import asyncpg

from batch.errors import ConfigurationError, ServerChangedError
from batch.ledger.address import Address
from batch.ledger.session import shares_backends
from batch.ledger.statements import statement

ENTER_SECONDS = 10.0


class Door:
    """What each session, or behind a pooler each transaction, is told before it is used.

    ``server`` is the server start that it must lead to, if that matters.
    """

    def __init__(self, address: Address, *, pooled: bool, plans_once: bool) -> None:
        self.pooled = pooled
        self._address = address
        self._is_known = False
        self.plans_once = plans_once
        self.server: datetime | None = None
        self.found: datetime | None = None
        """The start of the server that let somebody in last."""

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Tell a session of our own what it keeps.

        Raises:
            ConfigurationError: it is not ours alone, and the settings do not say so.
        """
        async with connection.transaction():  # or a pooler might parse here and run there
            backend = await self.enter(connection)
        if backend != connection.get_server_pid():
            await self._insist_on_a_session()
        await connection.fetch(statement("stay"), self.plans_once, timeout=ENTER_SECONDS)

    async def _insist_on_a_session(self) -> None:
        """Refuse a pooler that serves by turns; what a session is told would reach others."""
        if self._is_known:
            return
        if await shares_backends(self._address):
            raise ConfigurationError(
                "a pooler in transaction mode stands before PostgreSQL, and the settings do not "
                "say so; set VOD_BATCH_DATABASE_POOLED=true, and VOD_BATCH_DATABASE_DIRECT_URL to "
                "a way around it"
            )
        self._is_known = True

    async def enter(self, connection: asyncpg.Connection) -> int:
        """Make the session lean and its commits durable; return the process that serves it.

        Raises:
            ServerChangedError: another server serves than the one that is known.
        """
        enter = statement("enter")
        row = await connection.fetchrow(enter, self.pooled, self.plans_once, timeout=ENTER_SECONDS)
        self.found = found = row["server_started_at"]
        if self.server not in (None, found):
            raise ServerChangedError(
                f"PostgreSQL is not the server of before, it started at {found:%Y-%m-%d %H:%M:%S} "
                "UTC; start the command again"
            )
        return int(row["backend"])
