"""One connection to PostgreSQL, opened in one way for every purpose, with keep-alives.

Nothing of ours is a startup parameter but a name: a pooler refuses the others.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import asyncpg

from batch.errors import ConfigurationError, VodBatchError
from batch.ledger.connecting.address import Address, LineOptions
from batch.ledger.connecting.failures import translated_errors, while_connecting
from batch.ledger.connecting.pool import patient_while_full
from batch.ledger.statements import statement

ANSWER_SECONDS = 60.0
"""How long a statement may stay without an answer, unless its caller says otherwise."""

CLOSING_SECONDS = 2.0
"""How long a goodbye may take; then the line is cut, which PostgreSQL sees as well."""

ANSWER_OF_LIFE_SECONDS = 20.0
"""How long a busy machine may take to let somebody in and answer a word."""

STOPPED_SECONDS = 20.0
"""How long a session may keep the server waiting for the rest of a question; as long as one may be
idle in a transaction (``enter.sql``)."""

_ENDING_SECONDS = 5.0

_NEXT_HOST = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)
_UTF8 = "UTF8"
_TRIES = 3


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that knows where it ended up: which host of several, and as whom."""

    def __init__(
        self, protocol: Any, transport: asyncio.Transport, loop: Any, addr: Any, *more: Any
    ) -> None:
        super().__init__(protocol, transport, loop, addr, *more)
        self.socket: socket.socket | None = transport.get_extra_info("socket")
        self.place: str | tuple[str, int] = addr
        """A Unix socket's path, or a host and its port."""
        _, self.identity = more[:2]
        """User, password and database, as the driver found them: ``user``, ``password``, ..."""
        self.server_started_at: datetime | None = None
        """When its server started; written by the caller that asks."""
        self._plans_once: bool | None = None

    async def keep(self, *, plans_once: bool) -> None:
        """Set the session up; again where its way of planning changes."""
        if plans_once == self._plans_once:
            return
        await self.fetch(statement("stay"), plans_once)
        if self._plans_once is not None:
            await self.execute("DISCARD PLANS")  # those of the other way would be kept
        self._plans_once = plans_once

    async def close(self, *, timeout: float | None = None) -> None:
        """Say goodbye; a line that is gone needs none.

        A pool closes what it replaces in tasks whose errors nobody sees.
        """
        with contextlib.suppress(OSError):
            await super().close(timeout=timeout)


async def connect(
    address: Address, *, name: str | None = None, statement_cache_size: int = 100
) -> Connection:
    """Open a session, and wait a little where the server is full (:func:`connect_at_once`)."""
    return await patient_while_full(
        lambda: connect_at_once(address, name=name, statement_cache_size=statement_cache_size)
    )


async def connect_at_once(
    address: Address, *, name: str | None = None, statement_cache_size: int = 100
) -> Connection:
    """Open a session; ``name`` is what ``pg_stat_activity`` shows.

    Raises:
        ServerFullError: there is no connection left for us now.
        DatabaseUnavailableError, PermissionRefusedError, ConfigurationError: with what to do.
    """
    settings = {"application_name": name} if name else {}
    with while_connecting():
        session = await _first_that_serves(
            address,
            lambda host: asyncpg.connect(
                host,
                timeout=address.connect_seconds,
                command_timeout=ANSWER_SECONDS,
                statement_cache_size=statement_cache_size,
                server_settings=settings,
                connection_class=Connection,
            ),
        )
    if session.socket is not None:
        _watch_line(session.socket, address.line)
    encoding = session.get_settings().server_encoding
    if encoding != _UTF8:
        session.terminate()
        raise ConfigurationError(
            f"the database's encoding is {encoding}, and reasons and names may be in any script; "
            "make one with: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    return session


async def _first_that_serves(
    address: Address, connect: Callable[[str], Awaitable[Connection]]
) -> Connection:
    """Connect to the first host that lets us in and is of the kind that is asked for."""
    *others, last = address.hosts
    for host in others:
        with contextlib.suppress(*_NEXT_HOST):
            return await connect(host)
    return await connect(last)


async def close_connection(session: asyncpg.Connection) -> None:
    """Say goodbye, and hang up where nobody answers; never fails."""
    try:
        with contextlib.suppress(Exception):
            await session.close(timeout=CLOSING_SECONDS)
    finally:
        session.terminate()


@contextlib.asynccontextmanager
async def one_connection(address: Address, *, name: str | None = None) -> AsyncIterator[Connection]:
    """Yield a connection for the block; it leaves nothing behind, no prepared statement either."""
    session = await connect(address, name=name, statement_cache_size=0)
    try:
        with translated_errors():
            yield session
    finally:
        await close_connection(session)


def _watch_line(line: socket.socket, options: LineOptions) -> None:
    """Let the kernel notice a peer that is gone without a word; a Unix socket needs none of it."""
    if line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(options.is_probed))
    _set(line, "TCP_KEEPIDLE", options.idle)
    _set(line, "TCP_KEEPINTVL", options.interval)
    _set(line, "TCP_KEEPCNT", options.probes)
    _set(line, "TCP_USER_TIMEOUT", int(options.silence * 1000))


def _set(line: socket.socket, option: str, value: int) -> None:
    """Set what this system has; others have fewer of them."""
    number = getattr(socket, option, None)
    if number is not None:
        with contextlib.suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, number, value)


async def insist_on_a_session(session: asyncpg.Connection, address: Address, what: str) -> None:
    """Refuse ``what`` where a pooler would pass the session's locks on to its next client.

    ``session``, opened at ``address``, keeps no prepared statement.

    Raises:
        ConfigurationError: it is so; the lock would be nobody's, and for ever.
    """
    async with session.transaction():
        is_direct = await backend_of(session) == session.get_server_pid()
    if not is_direct and await shares_backends(address):
        raise ConfigurationError(
            f"{what} needs a session of its own, and a pooler in transaction mode is in front of "
            "PostgreSQL; set VOD_BATCH_DATABASE_DIRECT_URL to a way around it"
        )


async def shares_backends(address: Address) -> bool:
    """Return whether a pooler in transaction mode shares server processes between sessions.

    In session mode each keeps its backend. By turns the one that has just become free serves next.
    """
    async with one_connection(address) as one, one_connection(address) as other:
        for _ in range(_TRIES):
            async with one.transaction():
                before = await backend_of(one)
            async with other.transaction():
                if await backend_of(other) == before:
                    return True
                async with one.transaction():
                    if await backend_of(one) != before:
                        return True
    return False


async def is_alive(address: Address, pid: int) -> bool:
    """Return whether PostgreSQL answers at all, and still has the process ``pid``.

    A refusal is an answer too: a role may have no connection left for the question. What it may
    wait for is looked at as well (:func:`end_stopped_sessions`).
    """
    try:
        async with asyncio.timeout(ANSWER_OF_LIFE_SECONDS), one_connection(address) as session:
            await session.fetch(statement("end_stopped_sessions"), STOPPED_SECONDS)
            return bool(await session.fetchval(statement("has_session"), pid))
    except (VodBatchError, TimeoutError) as error:
        return isinstance(error.__cause__, asyncpg.PostgresError)


async def end_stopped_sessions(address: Address) -> None:
    """End sessions that hold locks for a process of ours which was stopped; never fails.

    Who was stopped connects again when it goes on, and asks what became of its work.
    """
    with contextlib.suppress(VodBatchError, TimeoutError):
        async with asyncio.timeout(_ENDING_SECONDS), one_connection(address) as session:
            for row in await session.fetch(statement("end_stopped_sessions"), STOPPED_SECONDS):
                from batch.logs import rare_logger  # a command that only looks must be quick

                rare_logger().warning("stopped_session_ended", pid=row["pid"])


async def backend_of(session: asyncpg.Connection) -> int:
    """Return the process id of the server that serves this transaction."""
    return int(await session.fetchval("SELECT pg_backend_pid()"))
