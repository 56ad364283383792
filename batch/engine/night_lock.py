"""The lock of the night, taken before anything that takes time: a second night ends at once.

Nothing of the engine and of the cloud's client is imported here.
"""

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from batch.ledger.database import Database
from batch.ledger.opening import open_ledger
from batch.ledger.runs import Runs
from batch.ledger.store import Store
from batch.ledger.target_lock import TargetLock
from batch.settings import Settings


@dataclass(frozen=True, slots=True)
class HeldNight:
    """A night that has its target's lock and its row in ``runs``, and nothing else yet."""

    run: UUID
    started_at: datetime
    database: Database
    store: Store
    runs: Runs
    lock: TargetLock


@contextlib.asynccontextmanager
async def hold_night(settings: Settings) -> AsyncIterator[HeldNight]:
    """Take the lock of the settings' target for the block, and write down who has it.

    Raises:
        LockHeldError: another night has it; the message says which.
        VodBatchError: the ledger cannot be opened at all.
    """
    run, started_at = uuid4(), datetime.now(UTC)
    async with open_ledger(settings) as (database, store):
        runs = Runs(database, store.target)
        patience = settings.database_patience.total_seconds()
        lock = TargetLock(database, store.target, run, patience=patience)
        async with lock.held():
            await runs.close_lost(settings.heartbeat_timeout.total_seconds(), has_lock=True)
            await runs.start(run, "nightly", socket.gethostname(), os.getpid(), settings.shown)
            yield HeldNight(run, started_at, database, store, runs, lock)
