"""A command's connections to PostgreSQL: opened, set up, and waited for within bounds.

Works through PgBouncer in transaction mode: no statement is prepared across transactions, nothing
is kept in a session; what a session holds to (``enter.sql``) is said in each transaction anew.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Self, TypeVar

import asyncpg

from batch.errors import DatabaseUnavailableError
from batch.ledger.connecting.address import Address, database_url, read_address
from batch.ledger.connecting.checkouts import Checkouts
from batch.ledger.connecting.commits import Commits, Transaction, within
from batch.ledger.connecting.connection import (
    ANSWER_SECONDS,
    CLOSING_SECONDS,
    end_stopped_sessions,
)
from batch.ledger.connecting.door import Door
from batch.ledger.connecting.failures import translated_errors
from batch.ledger.connecting.known_server import KnownServer
from batch.ledger.connecting.pool import Pool
from batch.ledger.connecting.waits import Patience, Waits, at_once, is_at_once
from batch.ledger.embedded.server import Embedded
from batch.ledger.migrate import check_version, migrate, newest_version, schema_version
from batch.ledger.statements import Repeat, repeat, statement
from batch.settings import Settings

UNHURRIED = 86_400.0
"""The bound of a statement that may take its time, for :meth:`Database.unhurried` alone."""

_RACED = frozenset({"submissions_one_in_flight", "submissions_one_job"})
_RACES = 5

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Runs a named statement with its arguments."""

_T = TypeVar("_T")


class Database:
    """A pool of connections to one migrated ledger, or a :meth:`part` of a command that shares it.

    Every caller waits for a PostgreSQL that is away, for as long as the settings allow, but in
    :func:`~batch.ledger.connecting.waits.at_once`. What was sent and not answered is run again only
    where that does no harm (:class:`~batch.ledger.statements.Repeat`); else PostgreSQL is asked
    first what became of it. Where another server serves than before, nothing runs until it is taken
    up.

    Each part is hurried by itself, and insists by itself on a server.
    """

    def __init__(
        self,
        pool: Pool,
        door: Door,
        direct: Address,
        embedded: Embedded | None,
        patience: float,
        *,
        plans_once: bool = False,
    ) -> None:
        self._pool = pool
        self._door = door
        self.direct = direct
        """The way to PostgreSQL without a pooler in between, for what a session holds."""
        self._embedded = embedded
        self._seconds = patience
        self.server = KnownServer(pool, self)
        """The server start that it insists on, once that is to be known."""
        self._waits = Waits()
        self._checkouts = Checkouts(pool, door, self.server, self._waits, plans_once=plans_once)
        self._patience = Patience(patience, random.SystemRandom())
        self._commits = Commits()

    def part(self, *, plans_once: bool = False) -> "Database":
        """Return the same connections for a part of a command; the whole is what is closed.

        With ``plans_once`` a statement is planned once a connection, not for its values each time:
        planning took as long as begin itself. Through a pooler no statement is kept to be planned.
        It is for a worker: its plans walk an index and stop early, whatever the statistics say.
        """
        return Database(
            self._pool, self._door, self.direct, None, self._seconds, plans_once=plans_once
        )

    @classmethod
    async def open(cls, settings: Settings, *, check_schema: bool = True) -> Self:
        """Connect as ``settings`` say; the embedded server is started, and migrates itself.

        Who finds no PostgreSQL at the start fails at once: only its return is waited for.

        Raises:
            DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
        """
        embedded = None if settings.database_url else Embedded(settings.home_path)
        try:
            database = await cls._connect(settings, embedded)
            try:
                with at_once():
                    if embedded:
                        await database._migrate_embedded(embedded.url)
                    elif check_schema:
                        check_version(await database.version())
            except BaseException:
                await database._close_pool()
                raise
        except BaseException:
            if embedded:
                embedded.close()
            raise
        return database

    @classmethod
    async def _connect(cls, settings: Settings, embedded: Embedded | None) -> Self:
        address = read_address(embedded.url if embedded else database_url(settings))
        direct = address if embedded else read_address(database_url(settings, direct=True))
        pooled = settings.database_pooled and embedded is None
        door = Door(address, pooled=pooled)
        patience = settings.database_patience.total_seconds()
        return cls(await door.open_pool(), door, direct, embedded, patience)

    async def _migrate_embedded(self, url: str) -> None:
        version = await self.version()
        if version < newest_version():
            await migrate(url)
            version = await self.version()
        check_version(version)

    def hurry(self, seconds: float) -> None:
        """From now on wait ``seconds`` in all, then a moment for each answer; the end is near.

        An :meth:`unhurried` transaction goes on, as long as PostgreSQL gives a sign of life.
        """
        self._waits.hurry(seconds)
        self._patience.hurry(seconds)

    async def patiently(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Run ``work``, and while the database is away again, with backoff, as a whole.

        Raises:
            DatabaseUnavailableError: it was for longer than the patience, or who hurries, allows.
        """
        if is_at_once():
            return await work()

        async def once() -> _T:
            with at_once():
                return await work()

        return await self._patience.outlast(lambda: self.server.on_it(once))

    async def version(self) -> str:
        """Return the schema's version, or an empty string for an empty database."""
        async with self.transaction() as connection:
            return await schema_version(connection)

    async def close(self) -> None:
        """Close every connection; an embedded server may then stop."""
        try:
            await self._close_pool()
        finally:
            if self._embedded:
                self._embedded.close()

    async def _close_pool(self) -> None:
        """Say goodbye on every line, and cut those on which nobody listens."""
        try:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSING_SECONDS):
                    await self._pool.close()
        finally:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection inside a transaction, at once or not at all."""
        with translated_errors():
            async with self._checkouts.hurried() as connection:
                yield connection

    async def together(
        self, work: Callable[[Fetch], Awaitable[_T]], *, timeout: float = ANSWER_SECONDS
    ) -> _T:
        """Run ``work`` in one transaction; what it is handed runs a named statement there.

        ``timeout`` is in seconds, for each statement. It is carried out once, however often it is
        begun: when the line is cut, or it met another run at a unique index.
        """

        async def on(connection: asyncpg.Connection) -> _T:
            async def fetch(name: str, *arguments: object) -> list[asyncpg.Record]:
                rows: list[asyncpg.Record] = await connection.fetch(
                    statement(name), *arguments, timeout=timeout
                )
                return rows

            return await work(fetch)

        return await self._once(self._checkouts.hurried, on)

    async def unhurried(self, work: Callable[[asyncpg.Connection], Awaitable[_T]]) -> _T:
        """Run ``work`` once, in one transaction that may take its time, as a load does.

        Its long statements are given :data:`UNHURRIED`. Beside it PostgreSQL is asked for a sign of
        life again and again; without one the line is cut.
        """
        return await self._once(self._checkouts.unhurried, work)

    async def _once(
        self, transaction: Transaction, work: Callable[[asyncpg.Connection], Awaitable[_T]]
    ) -> _T:
        if is_at_once():
            return await self._tried(lambda: within(transaction, work))
        return await self._commits.once(
            transaction, work, lambda run: self.patiently(lambda: self._tried(run))
        )

    async def fetch(
        self, name: str, *arguments: object, timeout: float = ANSWER_SECONDS
    ) -> list[asyncpg.Record]:
        """Run the statement ``name`` in a transaction of its own and return its rows.

        Without an answer for ``timeout`` seconds the database counts as away. A statement that met
        another run at a unique index is run again: it then sees what the other one committed.

        Raises:
            DatabaseUnavailableError: for longer than the patience, or the statement may never be
                run again, and may have been carried out.
        """

        async def run() -> list[asyncpg.Record]:
            return await self._tried(lambda: self._fetch(name, arguments, timeout))

        match repeat(name):
            case Repeat.NEVER:
                return await run()
            case Repeat.ASK if not is_at_once():
                return await self.together(lambda fetch: fetch(name, *arguments), timeout=timeout)
            case _:
                return await self.patiently(run)

    async def _fetch(
        self, name: str, arguments: Sequence[object], timeout: float
    ) -> list[asyncpg.Record]:
        async with self._waits.within(timeout), self._checkouts.one() as connection:
            # A pooler may hand parse and execute to two servers, if no transaction binds them.
            is_pooled = self._door.pooled
            async with self._checkouts.bound(connection) if is_pooled else contextlib.nullcontext():
                rows: list[asyncpg.Record] = await connection.fetch(
                    statement(name), *arguments, timeout=timeout
                )
            return rows

    async def _tried(self, run: Callable[[], Awaitable[_T]]) -> _T:
        """Run what another run may beat to a unique index; the next try sees what that one made."""
        try:
            with translated_errors():
                for _ in range(_RACES):
                    try:
                        return await run()
                    except asyncpg.UniqueViolationError as error:
                        if error.constraint_name not in _RACED:
                            raise
                        met = error.detail or error.constraint_name
        except DatabaseUnavailableError as error:
            if isinstance(error.__cause__, TimeoutError):
                with contextlib.suppress(TimeoutError):
                    async with self._waits.within(None):
                        await end_stopped_sessions(self._door.address)
            if isinstance(error.__cause__, asyncpg.ReadOnlySQLTransactionError):
                # A session keeps what its server was when it began; a new one may find the primary.
                await self._pool.expire_connections()
            raise
        raise DatabaseUnavailableError(f"another run is met again and again: {met}")

    async def fetch_row(
        self, name: str, *arguments: object, timeout: float = ANSWER_SECONDS
    ) -> asyncpg.Record | None:
        """Run the statement ``name`` and return its first row, or ``None`` (:meth:`fetch`)."""
        rows = await self.fetch(name, *arguments, timeout=timeout)
        return rows[0] if rows else None

    async def analyze(self, table: str) -> None:
        """Refresh the planner's picture of ``table`` (a name of ours, never input)."""

        async def run() -> None:
            async with self._checkouts.unhurried() as connection:
                await connection.execute(f"ANALYZE {table}", timeout=UNHURRIED)

        await self.patiently(lambda: self._tried(run))
