"""A living worker meets another server: it is told what the journals know before it goes on.

A standby that took over may lack the last commits of the primary, a server that crashed what it
only called committed. The worker's own journal holds every intent and every answer, and so do those
of the workers beside it.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from batch.core.budget import Spending
from batch.core.models import Claim, Worker
from batch.engine.recovery import replay_journals
from batch.ledger.database import Database
from batch.ledger.journal import (
    Intent,
    intent_of,
    journal_files,
    lock_dead,
    read_journal,
    worker_of,
)
from batch.ledger.restoring import Restorer, Share
from batch.ledger.store import Store

_GROUP = 2000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a server lacked, in submissions, and where it keeps what is on the wire."""

    restored: int
    leases: dict[Share, tuple[int, int]]


class CatchUp:
    """Brings the server that serves now up to what the journals in ``folder`` know."""

    def __init__(
        self, database: Database, store: Store, worker: Worker, folder: Path, spending: Spending
    ) -> None:
        self._database = database
        self._store = store
        self._worker = worker
        self._folder = folder
        self._spending = spending

    async def __call__(self, sending: Collection[Claim]) -> CaughtUp:
        """Take up the server that serves now. ``sending`` are our requests without a record yet.

        Raises:
            DatabaseUnavailableError: it does not take writes, or has changed again; to be repeated.
        """
        await self._database.know_server()
        await self._store.beat(self._worker)  # a write: from here on it surely is a primary
        if self._spending.budgets.are_set:
            await self._store.open_periods(self._spending)
        restored = await replay_journals(
            self._database, self._store.target, self._folder, self._spending
        )
        restorer = Restorer(self._database, self._store.target, "journal", self._spending)
        intents, awaited = await asyncio.to_thread(self._living, sending)
        for group in _groups(intents):
            restored += await restorer.restore(group, awaited)
        leases = await restorer.leases([claim.nonce for claim in sending])
        log.warning("server_taken_up", restored=restored, on_the_wire=len(sending))
        return CaughtUp(restored, leases)

    def _living(self, sending: Collection[Claim]) -> tuple[list[Intent], set[str]]:
        """Return what living workers' journals hold, and which requests still await an answer.

        Ours are those of ``sending``, as memory has them. What our journal holds besides without an
        answer nobody awaits. Of a worker beside us nobody knows: its requests are awaited.
        """
        mine = [intent_of(claim, self._worker.id, self._store.target) for claim in sending]
        awaited = {intent.nonce for intent in mine}
        intents = list(mine)
        for path in journal_files(self._folder):
            worker = worker_of(path)
            if worker is None or _is_dead(path):
                continue
            held = read_journal(path, worker).intents
            intents += [intent for intent in held if intent.nonce not in awaited]
            if worker != self._worker.id:
                awaited |= {intent.nonce for intent in held if not intent.answers}
        return intents, awaited


def _is_dead(path: Path) -> bool:
    with lock_dead(path) as is_dead:
        return is_dead


def _groups(intents: Sequence[Intent]) -> Iterator[Sequence[Intent]]:
    for start in range(0, len(intents), _GROUP):
        yield intents[start : start + _GROUP]
