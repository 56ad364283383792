"""The lock that lets one night at a time have a target: held, watched, taken again when lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg

from batch.core.models import Target
from batch.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    LockHeldError,
    VodBatchError,
)
from batch.ledger.connecting.connection import (
    Connection,
    close_connection,
    connect,
    insist_on_a_session,
)
from batch.ledger.connecting.failures import translated_errors
from batch.ledger.database import Database
from batch.ledger.statements import statement

_LOCK_CLASS = 0x766F6462  # "vodb": this program's own class among advisory locks
_SESSION = "vod-batch nightly "
"""What the name of a session that holds the lock begins with; the id of its run follows."""

_LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 20.0
_AGAIN_SECONDS = 0.5
_TRIES = 3
"""Before a lock that nobody is known to have counts as another night's, which just begins."""


class TargetLock:
    """The lock of one target's night, for one run.

    A session holds it: it goes with the process, however that ends. But a session may end before
    its process (a server that closes what idles, an administrator, a failover), and then another
    night may begin. So the session is watched; once it is gone :meth:`insist` keeps every caller
    until the lock is had again, and refuses when it cannot be had.
    """

    def __init__(self, database: Database, target: Target, run: UUID, *, patience: float) -> None:
        """``patience`` is for how many seconds a lost lock is asked for again."""
        self._database = database
        self._target = target
        self._run = run
        self._patience = patience
        self._session: Connection | None = None
        self._is_decided = asyncio.Event()
        """Whether its state is known: held, or lost for good."""
        self._is_lost = asyncio.Event()
        self._failure: VodBatchError | None = None

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lock for the block.

        Raises:
            LockHeldError: another night holds it; the message says which.
            ConfigurationError: the way to PostgreSQL leaves no session to anybody.
        """
        await self._take()
        watch = asyncio.create_task(self._watch(), name="lock of the night")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            await self._let_go()

    async def insist(self) -> None:
        """Return when the lock is held, at once as a rule; while it is lost, wait for it.

        Raises:
            LockHeldError: another night took it meanwhile.
            DatabaseUnavailableError: it could not be had for as long as the patience lasts.
        """
        if not self._is_decided.is_set():
            await self._is_decided.wait()
        if self._failure:
            raise self._failure

    async def _take(self) -> None:
        session = await connect(
            self._database.direct, name=f"{_SESSION}{self._run}", statement_cache_size=0
        )
        self._session = session
        try:
            with translated_errors():
                await insist_on_a_session(session, self._database.direct, "the lock of a night")
                await session.keep(plans_once=False)
                await self._ask_for_it(session)
        except BaseException:
            await self._let_go()
            raise
        session.add_termination_listener(self._lose)
        self._is_lost.clear()
        self._is_decided.set()
        if session.is_closed():
            self._lose(session)

    async def _ask_for_it(self, session: Connection) -> None:
        """Take the lock, or say who has it.

        Raises:
            LockHeldError: another night.
            DatabaseUnavailableError: a session of ours, which the server has not seen end yet.
        """
        for _ in range(_TRIES):
            if await session.fetchval(
                "SELECT pg_try_advisory_lock($1, $2)", _LOCK_CLASS, self._target.id
            ):
                return
            holder = await self._database.fetch_row(
                "find_holder", _LOCK_CLASS, self._target.id, _SESSION
            )
            if holder and holder["id"] != self._run:
                raise LockHeldError(self._held_by(holder))
            await asyncio.sleep(_AGAIN_SECONDS)
        if holder:
            raise DatabaseUnavailableError("the session that had the lock of this night lingers on")
        raise LockHeldError(self._held_by(None))

    def _held_by(self, row: asyncpg.Record | None) -> str:
        target = f"{self._target.account}/{self._target.region}"
        if row is None:
            return f"another night of {target} is just beginning"
        return (
            f"another night of {target} runs since {row['started_at']:%Y-%m-%d %H:%M:%S} UTC: "
            f"run {row['id']} on {row['host']}, pid {row['pid']}"
        )

    def _lose(self, _session: object) -> None:
        self._is_decided.clear()
        self._is_lost.set()

    async def _watch(self) -> None:
        """Notice when the lock is lost, and take it again, until that fails for good."""
        import structlog

        log = structlog.get_logger()
        while True:
            await self._wait_until_lost()
            self._lose(None)
            log.warning("night_lock_lost", run=str(self._run))
            try:
                await self._take_again()
            except VodBatchError as error:
                log.error("night_lock_not_had_again", error=str(error))
                self._failure = error
                self._is_decided.set()
                return
            log.warning("night_lock_taken_again", run=str(self._run))

    async def _wait_until_lost(self) -> None:
        """Wait for the session's end; a line that is cut in silence is asked."""
        while not self._is_lost.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_lost.wait(), _LOOK_SECONDS)
                return
            if not await self._still_has_it():
                return

    async def _still_has_it(self) -> bool:
        assert self._session
        with contextlib.suppress(Exception):
            row = await self._session.fetchrow(
                statement("holds_night"), _LOCK_CLASS, self._target.id, timeout=_ANSWER_SECONDS
            )
            return bool(row["is_held"])
        return False

    async def _take_again(self) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience
        await self._let_go()
        while True:
            try:
                await self._take()
            except (LockHeldError, ConfigurationError):
                raise
            except VodBatchError:
                if loop.time() >= give_up_at:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def _let_go(self) -> None:
        session, self._session = self._session, None
        if session:
            session.remove_termination_listener(self._lose)
            await close_connection(session)
