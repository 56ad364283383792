"""A command's connections to PostgreSQL: opened, kept lean, and never waited for in vain.

Works through PgBouncer in transaction mode: no statement is prepared across transactions, nothing
is kept in a session; what a session holds to (``enter.sql``) is said in each transaction anew.
"""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Self, TypeVar

import asyncpg

from batch.errors import ConfigurationError, DatabaseUnavailableError, ServerChangedError
from batch.ledger.address import Address, read_address
from batch.ledger.connections import Connections
from batch.ledger.embedded import Embedded
from batch.ledger.failures import translated_errors
from batch.ledger.migrate import check_version, migrate, newest_version, schema_version
from batch.ledger.session import (
    ANSWER_SECONDS,
    CLOSING_SECONDS,
    Session,
    backend_of,
    is_alive,
    open_session_at_once,
    shares_backends,
)
from batch.ledger.statements import statement
from batch.ledger.waits import Waits
from batch.settings import Settings

UNHURRIED = 86_400.0
"""The bound of a statement that may take its time, for :meth:`Database.unhurried` alone."""

_POOL_SIZE = 6
_ENTER_SECONDS = 10.0
_LOOK_SECONDS = 10.0
_NAME = "vod-batch"
_RACED = frozenset({"submissions_one_in_flight", "submissions_one_job"})
_RACES = 5

_CUT_OFF = (TimeoutError, asyncio.CancelledError, GeneratorExit)
"""What ends a block while an answer may still be on its way."""


Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Runs a named statement with its arguments."""

_T = TypeVar("_T")


class _Door:
    """What each session, or behind a pooler each transaction, is told before it is used."""

    def __init__(self, address: Address, *, pooled: bool) -> None:
        self.pooled = pooled
        self._address = address
        self._is_known = False

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

    async def enter(self, connection: asyncpg.Connection, *, plans_once: bool) -> asyncpg.Record:
        """Make the session lean and its commits durable; return what serves it: the process
        (``backend``) and the start of its server (``server_started_at``).
        """
        enter = statement("enter")
        return await connection.fetchrow(enter, self.pooled, plans_once, timeout=_ENTER_SECONDS)


class _Loan:
    """A connection of the pool, for a block. A class, because each statement has one.

    One that was left in the middle of something is cut: what was asked may never be answered, and
    neither may the driver's request to cancel it.
    """

    __slots__ = ("_connection", "_pool", "_prepare")

    def __init__(
        self, pool: Connections, prepare: Callable[[asyncpg.Connection], Awaitable[None]]
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


class Database:
    """A pool of connections to one migrated ledger, or a :meth:`part` of a command that shares it.

    Each part is hurried by itself, and insists by itself on a server.
    """

    def __init__(
        self,
        pool: Connections,
        address: Address,
        direct: Address,
        door: _Door,
        embedded: Embedded | None,
    ) -> None:
        self._pool = pool
        self._address = address
        self.direct = direct
        """The way to PostgreSQL without a pooler in between, for what a session holds."""
        self._door = door
        self._embedded = embedded
        self._waits = Waits()
        self._plans_once = False
        self._server: datetime | None = None

    def part(self, *, plans_once: bool = False) -> Self:
        """Return the same connections for a part of a command; the whole is what is closed.

        With ``plans_once`` a statement is planned once a connection, not for its values each time:
        planning took as long as begin itself. Through a pooler no statement is kept to be planned.
        It is for a worker: its plans walk an index and stop early, whatever the statistics say.
        """
        part = copy.copy(self)
        part._waits = Waits()
        part._plans_once = plans_once
        part._server = None
        return part

    @classmethod
    async def open(cls, settings: Settings, *, check_schema: bool = True) -> Self:
        """Connect as ``settings`` say; the embedded server is started, and migrates itself.

        Raises:
            DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
        """
        embedded = None if settings.database_url else Embedded(settings.home_path)
        try:
            database = await cls._connect(settings, embedded)
            try:
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
        door = _Door(address, pooled=pooled)

        async def connect(*_words: object, **_more: object) -> Session:
            if pooled:
                return await open_session_at_once(address, statement_cache_size=0)
            return await open_session_at_once(address, name=_NAME)

        pool = await asyncpg.create_pool(
            connect=connect,
            connection_class=Session,
            min_size=0,
            max_size=_POOL_SIZE,
            init=None if pooled else door.begin,
            reset=_keep_as_is,
        )
        return cls(Connections(pool, _POOL_SIZE), address, direct, door, embedded)

    async def _migrate_embedded(self, url: str) -> None:
        version = await self.version()
        if version < newest_version():
            await migrate(url)
            version = await self.version()
        check_version(version)

    def hurry(self, seconds: float) -> None:
        """From now on wait for answers ``seconds`` in all, then a moment each; the end is near.

        An :meth:`unhurried` transaction goes on, as long as PostgreSQL gives a sign of life.
        """
        self._waits.hurry(seconds)

    async def know_server(self) -> None:
        """Insist from now on upon the server start that serves now.

        A statement that would meet another one raises :class:`ServerChangedError`, and has not run:
        a failover may have forgotten what the caller believes. Who takes up the new server calls
        this again.
        """
        self._server = None
        with translated_errors():
            await self._pool.expire_connections()
        row = await self.fetch_row("server_started", timeout=_ENTER_SECONDS)
        assert row is not None
        self._server = row["at"]

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
        """Lend a connection inside a transaction."""
        async with self._waited(None), self._lent() as connection, self._bound(connection):
            yield connection

    @contextlib.asynccontextmanager
    async def unhurried(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction that may take its time, as a load does.

        Its long statements are given :data:`UNHURRIED`. Beside it PostgreSQL is asked for a sign of
        life again and again; without one the line is cut.
        """
        with translated_errors():
            async with (
                self._lent() as connection,
                self._bound(connection),
                self._watched(connection),
            ):
                yield connection

    @contextlib.asynccontextmanager
    async def _waited(self, seconds: float | None) -> AsyncIterator[None]:
        """Bound the block's wait, and raise what goes wrong as ours."""
        with translated_errors():
            async with self._waits.within(seconds):
                yield

    def _lent(self) -> "_Loan":
        return _Loan(self._pool, self._take_up)

    async def _take_up(self, connection: asyncpg.Connection) -> None:
        """Make a session of the pool this part's own; behind a pooler each transaction is."""
        if not self._door.pooled:
            self._insist_on(connection.server_started_at)
            await connection.keep(plans_once=self._plans_once)

    def _insist_on(self, server: datetime) -> None:
        """Refuse a server that this part does not know.

        Raises:
            ServerChangedError: another one serves than the one that is known.
        """
        if self._server not in (None, server):
            raise ServerChangedError(
                f"PostgreSQL is not the server of before, it started at {server:%Y-%m-%d %H:%M:%S} "
                "UTC; start the command again"
            )

    @contextlib.asynccontextmanager
    async def _bound(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Hold a transaction on ``connection`` for the block.

        Nobody waits for a roll-back behind an answer that does not come: the cut line is one.
        """
        work = connection.transaction()
        await work.start()
        try:
            if self._door.pooled:
                entered = await self._door.enter(connection, plans_once=self._plans_once)
                self._insist_on(entered["server_started_at"])
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
            if not await is_alive(self._address, pid):
                connection.terminate()
                return

    async def fetch(
        self, name: str, *arguments: object, timeout: float = ANSWER_SECONDS
    ) -> list[asyncpg.Record]:
        """Run the statement ``name`` in a transaction of its own and return its rows.

        Without an answer for ``timeout`` seconds the database counts as away. A statement that met
        another run at a unique index is run again: it then sees what the other one committed.
        """
        return await _again_when_raced(lambda: self._fetch(name, arguments, timeout))

    async def together(self, work: Callable[[Fetch], Awaitable[_T]], *, timeout: float) -> _T:
        """Run ``work`` in one transaction; what it is handed runs a named statement there.

        ``timeout`` is in seconds, for each statement. Like a single statement it is run again as a
        whole when it met another run at a unique index.
        """

        async def once() -> _T:
            async with (
                self._waits.within(None),
                self._lent() as connection,
                self._bound(connection),
            ):

                async def fetch(name: str, *arguments: object) -> list[asyncpg.Record]:
                    rows: list[asyncpg.Record] = await connection.fetch(
                        statement(name), *arguments, timeout=timeout
                    )
                    return rows

                return await work(fetch)

        return await _again_when_raced(once)

    async def _fetch(
        self, name: str, arguments: Sequence[object], timeout: float
    ) -> list[asyncpg.Record]:
        try:
            async with self._waits.within(timeout), self._lent() as connection:
                # A pooler may hand parse and execute to two servers, if no transaction binds them.
                is_pooled = self._door.pooled
                async with self._bound(connection) if is_pooled else contextlib.nullcontext():
                    rows: list[asyncpg.Record] = await connection.fetch(
                        statement(name), *arguments, timeout=timeout
                    )
                return rows
        except asyncpg.ReadOnlySQLTransactionError:
            # A session keeps what its server was when it began; a new one may find the primary.
            await self._pool.expire_connections()
            raise

    async def fetch_row(
        self, name: str, *arguments: object, timeout: float = ANSWER_SECONDS
    ) -> asyncpg.Record | None:
        """Run the statement ``name`` and return its first row, or ``None`` (:meth:`fetch`)."""
        rows = await self.fetch(name, *arguments, timeout=timeout)
        return rows[0] if rows else None

    async def analyze(self, table: str) -> None:
        """Refresh the planner's picture of ``table`` (a name of ours, never input)."""
        async with self.unhurried() as connection:
            await connection.execute(f"ANALYZE {table}", timeout=UNHURRIED)


async def _again_when_raced(run: Callable[[], Awaitable[_T]]) -> _T:
    """Run what another run may beat to a unique index; the next try sees what that one made."""
    with translated_errors():
        for _ in range(_RACES):
            try:
                return await run()
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name not in _RACED:
                    raise
                met = error.detail or error.constraint_name
    raise DatabaseUnavailableError(f"another run is met again and again: {met}")


async def apply_migrations(settings: Settings) -> list[str]:
    """Migrate the database that ``settings`` name; return the applied files.

    Raises:
        DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
    """
    if settings.database_url:
        return await migrate(database_url(settings, direct=True))
    embedded = Embedded(settings.home_path)
    try:
        return await migrate(embedded.url)
    finally:
        embedded.close()


def database_url(settings: Settings, *, direct: bool = False) -> str:
    """Return the URL to connect to; ``direct`` asks for the one without a pooler, where given."""
    assert settings.database_url is not None
    if direct and settings.database_direct_url:
        return settings.database_direct_url.get_secret_value()
    return settings.database_url.get_secret_value()


async def _keep_as_is(_connection: asyncpg.Connection) -> None:
    """Skip the pool's clean-up round trip: no statement of ours leaves anything in a session."""
