"""A living worker meets another server: the journals are read in before anything goes on.

A standby that took over may lack the last commits of the primary, a server that crashed what it
only called committed. The worker's own journal holds every intent and every answer, and so do those
of the workers beside it.
"""

import asyncio
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from batch.core.budget import Spending
from batch.core.models import Claim, Worker
from batch.ledger.database import Database
from batch.ledger.journal import Reading, journal_files, lock_dead, read_journal, worker_of
from batch.ledger.journal_lines import Intent, intent_of
from batch.ledger.lineage import check_place, raise_alarm, remember
from batch.ledger.recovery import refuse_damage, replay_journals
from batch.ledger.restoring import Restorer, Share
from batch.ledger.store import Store

_GROUP = 1000
"""Requests a transaction: each takes a lock of PostgreSQL's table of locks until its end."""
_LATELY_SECONDS = 600.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a server lacked, in submissions, and where it keeps what is on the wire."""

    restored: int
    leases: dict[Share, tuple[int, int]]


class CatchUp:
    """Writes what the journals in ``folder`` know into the server that serves now."""

    def __init__(
        self,
        database: Database,
        store: Store,
        worker: Worker,
        folder: Path,
        spending: Spending,
        *,
        silence: float,
    ) -> None:
        """``silence`` is for how many seconds a worker is believed to live without a heartbeat."""
        self._silence = silence
        self._database = database
        self._store = store
        self._worker = worker
        self._folder = folder
        self._spending = spending
        self._is_taken_up = True

    async def __call__(self, sending: Collection[Claim]) -> CaughtUp:
        """Take up the server that serves now. ``sending`` are our requests without a record yet.

        Raises:
            DatabaseUnavailableError: it does not take writes, or has changed again; to be repeated.
            ConfigurationError: a journal is damaged.
        """
        self._is_taken_up = False
        await self._database.server.know()
        restorer = Restorer(self._database, self._store.target, "journal", self._spending)
        taken_up_at = await self._store.now()
        cluster = await check_place(self._database, self._folder, sounds_alarm=False)
        await restorer.mark(self._worker.id, 0)  # a write: from here on it surely is a primary
        if self._spending.budgets.are_set:
            await self._store.open_periods(self._spending)
        restored = await self._replay(restorer, sending)
        await self._store.beat(self._worker)
        await self._wait_for_others(taken_up_at, is_other=cluster.has_changed)
        await remember(self._database, self._store.target, self._folder)
        leases = await restorer.leases([claim.nonce for claim in sending])
        self._is_taken_up = True
        log.warning("server_taken_up", restored=restored, on_the_wire=len(sending))
        return CaughtUp(restored, leases)

    async def _replay(self, restorer: Restorer, sending: Collection[Claim]) -> int:
        """Read in what dead workers' journals know, then those of the living."""
        target = self._store.target
        dead = await replay_journals(self._database, target, self._folder, self._spending)
        restored = dead.touched
        readings = await asyncio.to_thread(self._living)
        refuse_damage(restorer, readings)
        intents, awaited = self._what_they_know(readings, sending)
        for group in _groups(intents):
            restored += await restorer.restore(group, awaited)
        return restored

    async def _wait_for_others(self, since: datetime, *, is_other: bool) -> None:
        """Wait until living workers of other machines have read their journals in, too.

        Raises:
            ConfigurationError: one is silent, and what it sent may be lost (``is_other``).
        """
        here = [worker for path in journal_files(self._folder) if (worker := worker_of(path))]
        give_up_at = time.monotonic() + self._silence
        while silent := await self._store.silent_workers(since, self._silence, here):
            if time.monotonic() >= give_up_at:
                break
            log.info("waiting_for_other_machines", hosts=sorted(silent))
            await asyncio.sleep(self._silence / 20)
            await self._store.beat(self._worker)
        if silent and is_other:
            await raise_alarm(
                self._database,
                self._folder,
                "another server of the database took over, and since then there is no sign of a "
                f"worker on {min(silent)}: what it sent last may be missing",
            )

    async def remember(self) -> None:
        """Keep beside the journals how far the server has come, for a start that finds less.

        A heartbeat under way may ask the server that came before that one is taken up: what it
        sees then would pass for what was always known, so it is not kept.
        """
        await remember(
            self._database,
            self._store.target,
            self._folder,
            _LATELY_SECONDS,
            still=lambda: self._is_taken_up,
        )

    def _living(self) -> list[Reading]:
        """Read the journals whose worker lives, ours among them."""
        named = [(path, worker_of(path)) for path in journal_files(self._folder)]
        return [read_journal(p, worker) for p, worker in named if worker and not _is_dead(p)]

    def _what_they_know(
        self, readings: Sequence[Reading], sending: Collection[Claim]
    ) -> tuple[list[Intent], set[str]]:
        """Return what living workers know, and the nonces whose answer somebody still awaits.

        Of ours those are ``sending``, as memory has them: what our journal holds besides without an
        answer nobody awaits. Of a worker beside us nobody knows: its requests are awaited.
        """
        intents = [intent_of(claim, self._worker.id, self._store.target) for claim in sending]
        mine = {intent.nonce for intent in intents}
        awaited = set(mine)
        for reading in readings:
            intents += [intent for intent in reading.intents if intent.nonce not in mine]
            if reading.worker != self._worker.id:
                awaited |= {intent.nonce for intent in reading.intents if not intent.answers}
        return intents, awaited


def _is_dead(path: Path) -> bool:
    with lock_dead(path) as is_dead:
        return is_dead


def _groups(intents: Sequence[Intent]) -> Iterator[Sequence[Intent]]:
    for start in range(0, len(intents), _GROUP):
        yield intents[start : start + _GROUP]
