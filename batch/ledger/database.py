"""Connections to PostgreSQL: opening them, keeping them lean, and naming what went wrong.

Works through PgBouncer in transaction mode: no statement is prepared across transactions, nothing
is kept in a session; what a session holds to (``enter.sql``) is said in each transaction anew.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Self, TypeVar

import asyncpg

from batch.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    PermissionRefusedError,
    ServerChangedError,
    VodBatchError,
)
from batch.ledger.embedded import Embedded
from batch.ledger.migrate import check_version, migrate, newest_version, schema_version
from batch.ledger.statements import statement
from batch.settings import Settings

_POOL_SIZE = 6
_CONNECT_SECONDS = 10.0
_RACED = frozenset({"submissions_one_in_flight", "submissions_one_job"})
_RACES = 5

_REFUSED = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)
_MISCONFIGURED = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.ClientConfigurationError,
    ValueError,
    OverflowError,  # a port that no machine has
)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement that met its backend's goodbye
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,  # a deadlock: the other side won, and we may try again
    asyncpg.InternalServerError,
    asyncpg.exceptions.PostgresSystemError,
)


Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Runs a named statement with its arguments."""

_T = TypeVar("_T")


class _Door:
    """What each session, or behind a pooler each transaction, is told before it is used.

    ``server`` is the server start that it must lead to, if that matters.
    """

    def __init__(self, *, pooled: bool, is_workers: bool) -> None:
        self.pooled = pooled
        self._is_workers = is_workers
        self.server: datetime | None = None

    async def enter(self, connection: asyncpg.Connection) -> None:
        """Make the session lean and its commits durable.

        Raises:
            ServerChangedError: another server serves than the one that is known.
        """
        enter = statement("enter")
        row = await connection.fetchrow(
            enter, self.pooled, self._is_workers, timeout=_CONNECT_SECONDS
        )
        found = row["server_started_at"]
        if self.server not in (None, found):
            raise ServerChangedError(
                f"PostgreSQL is not the server of before, it started at {found:%Y-%m-%d %H:%M:%S} "
                "UTC; start the command again"
            )


class Database:
    """A pool of connections to one migrated ledger."""

    def __init__(
        self, pool: asyncpg.Pool, direct_url: str, door: _Door, embedded: Embedded | None
    ) -> None:
        self._pool = pool
        self.direct_url = direct_url
        self._door = door
        self._embedded = embedded

    @classmethod
    async def open(
        cls, settings: Settings, *, check_schema: bool = True, plans_once: bool = False
    ) -> Self:
        """Connect as ``settings`` say; the embedded server is started, and migrates itself.

        With ``plans_once`` a statement is planned once a connection, not for its values each time:
        planning took as long as begin itself. Through a pooler no statement is kept to be planned.
        It is for a worker: its plans walk an index and stop early, whatever the statistics say.

        Raises:
            DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
        """
        embedded = None if settings.database_url else Embedded(settings.home_path)
        url = embedded.url if embedded else database_url(settings)
        pooled = settings.database_pooled and embedded is None
        door = _Door(pooled=pooled, is_workers=plans_once)
        try:
            with translated_errors():
                pool = await asyncpg.create_pool(
                    url,
                    min_size=0,
                    max_size=_POOL_SIZE,
                    timeout=_CONNECT_SECONDS,
                    statement_cache_size=0 if pooled else 100,
                    server_settings={} if pooled else _session(plans_once=plans_once),
                    init=None if pooled else door.enter,
                    reset=_keep_as_is,
                )
            direct_url = embedded.url if embedded else database_url(settings, direct=True)
            database = cls(pool, direct_url, door, embedded)
            if embedded:
                await database._migrate_embedded(url)
            elif check_schema:
                check_version(await database.version())
        except BaseException:
            if embedded:
                embedded.close()
            raise
        return database

    async def _migrate_embedded(self, url: str) -> None:
        if await self.version() < newest_version():
            await migrate(url)
        check_version(await self.version())

    async def know_server(self) -> None:
        """Insist from now on upon the server start that serves now.

        A statement that would meet another one raises :class:`ServerChangedError`, and has not run:
        a failover may have forgotten what the caller believes. Who takes up the new server calls
        this again.
        """
        self._door.server = None
        with translated_errors():
            await self._pool.expire_connections()
        row = await self.fetch_row("server_started", timeout=_CONNECT_SECONDS)
        assert row is not None
        self._door.server = row["at"]

    async def version(self) -> str:
        """Return the schema's version, or an empty string for an empty database."""
        async with self.transaction() as connection:
            return await schema_version(connection)

    async def close(self) -> None:
        """Close every connection; an embedded server may then stop."""
        try:
            await self._pool.close()
        finally:
            if self._embedded:
                self._embedded.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction."""
        with translated_errors():
            async with self._pool.acquire() as connection, self._bound(connection):
                yield connection

    @contextlib.asynccontextmanager
    async def _bound(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Hold a transaction on ``connection`` for the block."""
        async with connection.transaction():
            if self._door.pooled:
                await self._door.enter(connection)
            yield

    async def fetch(
        self, name: str, *arguments: object, timeout: float | None = None
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
            async with self.transaction() as connection:

                async def fetch(name: str, *arguments: object) -> list[asyncpg.Record]:
                    rows: list[asyncpg.Record] = await connection.fetch(
                        statement(name), *arguments, timeout=timeout
                    )
                    return rows

                return await work(fetch)

        return await _again_when_raced(once)

    async def _fetch(
        self, name: str, arguments: Sequence[object], timeout: float | None
    ) -> list[asyncpg.Record]:
        with translated_errors():
            try:
                async with self._pool.acquire(timeout=timeout) as connection:
                    # A pooler may hand parse and execute to two servers, unless a transaction
                    # binds them.
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
        self, name: str, *arguments: object, timeout: float | None = None
    ) -> asyncpg.Record | None:
        """Run the statement ``name`` and return its first row, or ``None`` (:meth:`fetch`)."""
        rows = await self.fetch(name, *arguments, timeout=timeout)
        return rows[0] if rows else None

    async def analyze(self, table: str) -> None:
        """Refresh the planner's picture of ``table`` (a name of ours, never input)."""
        with translated_errors():
            async with self._pool.acquire() as connection:
                await connection.execute(f"ANALYZE {table}")


async def _again_when_raced(run: Callable[[], Awaitable[_T]]) -> _T:
    """Run what another run may beat to a unique index; the next try sees what that one made."""
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
    with translated_errors():
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


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into the tree of :mod:`batch.errors`, with what to do next."""
    try:
        yield
    except VodBatchError:
        raise
    except _REFUSED as error:
        raise PermissionRefusedError(
            f"PostgreSQL refuses us: {_in_one_line(error)}; check user and password in "
            "VOD_BATCH_DATABASE_URL, and the rights in docs/deploy.md"
        ) from error
    except _MISCONFIGURED as error:
        raise ConfigurationError(
            f"the database does not fit: {_in_one_line(error)}; check VOD_BATCH_DATABASE_URL, "
            "then run: vod-batch migrate"
        ) from error
    except _AWAY as error:
        raise DatabaseUnavailableError(
            f"PostgreSQL does not serve: {_in_one_line(error)}; check that it runs and that "
            "VOD_BATCH_DATABASE_URL points at it"
        ) from error


def _session(*, plans_once: bool) -> dict[str, str]:
    named = {"application_name": "vod-batch"}
    return named | {"plan_cache_mode": "force_generic_plan"} if plans_once else named


async def _keep_as_is(_connection: asyncpg.Connection) -> None:
    """Skip the pool's clean-up round trip: no statement of ours leaves anything in a session."""


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
