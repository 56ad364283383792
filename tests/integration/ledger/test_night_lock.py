"""The lock of the night: one session at a time, and who has it is told truly."""

import os
import socket
from uuid import uuid4

import pytest

from batch.errors import LockHeldError
from batch.ledger.runs import Runs
from batch.ledger.target_lock import TargetLock
from batch.night.night_lock import lock_night
from tests.support.ledger import Ledger


def lock_of(ledger: Ledger, patience: float = 60.0) -> TargetLock:
    """Return a lock of a run of its own, not taken yet."""
    return TargetLock(ledger.database, ledger.store.target, uuid4(), patience=patience)


async def test_the_holder_is_named_and_the_lock_goes_with_the_block(ledger: Ledger) -> None:
    """Run, machine, process; after the block the next one has it."""
    async with lock_night(ledger.settings) as held:
        with pytest.raises(LockHeldError) as caught:
            async with lock_night(ledger.settings):
                pass
        told = f"run {held.session.run} on {socket.gethostname()}, pid {os.getpid()}"
        assert str(caught.value).endswith(told)
    async with lock_night(ledger.settings):
        pass


async def test_a_night_that_just_begins_is_not_taken_for_one_that_was_killed(
    ledger: Ledger,
) -> None:
    """Whose row never ended is not the holder, as long as it does not have the lock."""
    runs = Runs(ledger.database, ledger.store.target)
    await runs.start(uuid4(), "nightly", "killed.example", 1, {})
    async with lock_of(ledger).held():
        with pytest.raises(LockHeldError, match=r"is just beginning$"):
            async with lock_of(ledger).held():
                pass


async def test_a_refused_night_leaves_no_row(ledger: Ledger) -> None:
    """What did not run is not among the runs."""
    async with lock_night(ledger.settings):
        with pytest.raises(LockHeldError):
            async with lock_night(ledger.settings):
                pass
        assert await ledger.sql.fetchval("SELECT count(*) FROM runs") == 1
