"""Transactions that are carried out once, though a cut line may leave that unknown."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar
from uuid import uuid4

import asyncpg

from batch.ledger.connecting.connection import ANSWER_SECONDS
from batch.ledger.statements import statement

Transaction = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]
"""Yields a connection inside a transaction, which is committed with the block."""

_T = TypeVar("_T")


class Commits:
    """Commits one transaction after the other; each leaves its number, and only the last is kept.

    So the next try finds out whether the one before was committed, and waits while it still is.
    """

    def __init__(self) -> None:
        self._id = uuid4()
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()

    async def once(
        self,
        transaction: Transaction,
        work: Callable[[asyncpg.Connection], Awaitable[_T]],
        insist: Callable[[Callable[[], Awaitable[_T]]], Awaitable[_T]],
    ) -> _T:
        """Commit ``work``; ``insist`` runs what it is handed until that returns, or gives up."""
        results: list[_T] = []

        async def unless_done(connection: asyncpg.Connection) -> _T:
            mark = statement("mark_commit")
            if await connection.fetchval(mark, self._id, number, timeout=ANSWER_SECONDS):
                results[:] = [await work(connection)]
            return results[0]

        async with self._one_at_a_time:
            number = next(self._numbers)
            return await insist(lambda: within(transaction, unless_done))


async def within(
    transaction: Transaction, work: Callable[[asyncpg.Connection], Awaitable[_T]]
) -> _T:
    """Run ``work`` in a transaction."""
    async with transaction() as connection:
        return await work(connection)
