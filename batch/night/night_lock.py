"""The lock of the night, taken before anything that takes time: a second night ends at once.

Nothing that sends is imported here.
"""

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from batch.ledger.runs import Runs
from batch.ledger.target_lock import TargetLock
from batch.session import Session, open_session
from batch.settings import Settings
from batch.vod.credentials import CredentialSource


@dataclass(frozen=True, slots=True)
class LockedNight:
    """A night that has its target's lock and its row in ``runs``, and nothing else yet."""

    session: Session
    runs: Runs
    lock: TargetLock


@contextlib.asynccontextmanager
async def lock_night(
    settings: Settings, credentials: CredentialSource | None = None
) -> AsyncIterator[LockedNight]:
    """Open a session for the block, take its target's lock, and write down who has it.

    Raises:
        LockHeldError: another night has it; the message says which.
        VodBatchError: the ledger cannot be opened at all.
    """
    async with open_session(settings, credentials) as session:
        runs = Runs(session.database, session.target)
        patience = settings.database_patience.total_seconds()
        lock = TargetLock(session.database, session.target, session.run, patience=patience)
        async with lock.held():
            await runs.close_lost(settings.heartbeat_timeout.total_seconds(), has_lock=True)
            await session.keep_terms()
            await runs.start(
                session.run, "nightly", socket.gethostname(), os.getpid(), session.settings.shown
            )
            yield LockedNight(session, runs, lock)
