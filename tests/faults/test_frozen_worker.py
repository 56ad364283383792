"""A worker that was frozen while others did its work: what it says when it wakes comes too late."""

import asyncio
import contextlib
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from batch.core.doubt import OLDEST_DATE
from batch.core.models import Claim
from batch.core.outcome import AccountStopped, NotSent, Outcome, Refused, StopCause, Throttled
from batch.core.states import State
from batch.core.verdict import judge
from batch.errors import DatabaseUnavailableError
from batch.ledger.connecting.connection import STOPPED_SECONDS
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.loading import load_manifest
from batch.ledger.statements import statement
from tests.support.console import Console
from tests.support.ledger import Ledger, media, write_csv
from tests.support.night import KEY, Night
from tests.support.settling import Morning
from tests.support.waiting import soon


@pytest.fixture
def full_queue() -> Iterator[str]:
    """An endpoint that never takes a connection: its queue is full, and nobody accepts."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = stack.enter_context(closing(socket.socket()))
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_frozen_worker_that_was_replayed_gives_nothing_back(
    night: Night, console: Console, full_queue: str
) -> None:
    """Stopped before it sent, replayed by another with the answer lost, it wakes: "never sent"."""
    ledger, morning = night.ledger, Morning(night)
    await morning.confirm_replay()
    rows = await ledger.add([1, 2])
    slow = console.having(
        VOD_BATCH_ENDPOINT=full_queue, VOD_BATCH_CONNECT_TIMEOUT="4s", VOD_BATCH_REGION=None
    )
    with slow.started("submit") as worker:

        async def has_begun() -> bool:
            return set(await ledger.states()) == {State.SUBMITTING}

        await soon(has_begun, "both rows on the wire")
        os.kill(worker.pid, signal.SIGSTOP)
        await ledger.sql.execute("UPDATE workers SET heartbeat_at = now() - interval '1 hour'")
        for number in (1, 2):
            night.emulator.fault("accept_then_drop", media_id=media(number), count=1)
        night.emulator.fault("error_500", action="GetJobDetail")
        await morning.reconcile(settle=ledger.settings.settle)
        assert len(night.emulator.jobs()) == 2
        os.kill(worker.pid, signal.SIGCONT)

        async def has_said_so() -> bool:
            outcomes = [(await ledger.attempts(row))[0]["outcome"] for row in rows]
            return outcomes == ["not_sent", "not_sent"]

        await soon(has_said_so, "the word of the worker that woke")
    assert {await ledger.state(row) for row in rows} == {State.IN_DOUBT}
    night.emulator.forget_faults()
    await night.submit()
    await morning.reconcile()
    assert (morning.submits(1), morning.submits(2)) == (1, 1)
    await ledger.check(night.emulator.jobs())


LATE: dict[str, Outcome] = {
    "not sent": NotSent("connection refused"),
    "held back": NotSent("held back", by_choice=True),
    "throttled": Throttled("Throttling.User", "m", "R", 400, None),
    "refused": Refused("InvalidParameter", "m", "R", 400),
    "account stopped": AccountStopped("Forbidden", "m", "R", 403, StopCause.PERMISSION),
}


async def _replayed(ledger: Ledger) -> tuple[int, Claim]:
    """Return a row in doubt whose request was marked as sent once more, and its first claim."""
    [row] = await ledger.add([1])
    [claim] = await ledger.begin(access_key_id=KEY.access_key_id)
    await ledger.sql.execute("UPDATE workers SET heartbeat_at = now() - interval '1 hour'")
    assert await ledger.store.expire(15, "expire") == [row]
    doubts = Doubts(ledger.database, ledger.store.target)
    group = await doubts.list_doubts()
    assert await doubts.mark_replayed(group, KEY.access_key_id, OLDEST_DATE)
    return row, claim


@pytest.mark.parametrize("outcome", LATE.values(), ids=LATE.keys())
async def test_once_replayed_only_a_job_moves_a_row(ledger: Ledger, outcome: Outcome) -> None:
    """Whatever the first sender says, its evidence is kept and the row stays in doubt."""
    row, claim = await _replayed(ledger)
    verdicts = judge(claim, outcome, max_attempts=1, dice=random.Random(1))
    assert await ledger.store.record(verdicts, "woken") == [row]
    assert await ledger.state(row) is State.IN_DOUBT
    [attempt] = await ledger.attempts(row)
    assert attempt["outcome"] == verdicts[0].outcome


async def test_a_mark_and_a_late_word_at_once_leave_the_row_in_doubt(ledger: Ledger) -> None:
    """The word waits for the mark that is being made, and then comes too late."""
    row, claim = await _replayed(ledger)
    await ledger.sql.execute("UPDATE submissions SET replayed_lease = NULL")
    verdicts = judge(claim, NotSent("late"), max_attempts=8, dice=random.Random(1))
    marking = ledger.sql.transaction()
    await marking.start()
    await ledger.sql.execute("UPDATE submissions SET replayed_lease = lease")
    late = asyncio.create_task(ledger.store.record(verdicts, "woken"))

    async def waits() -> bool:
        return bool(
            await ledger.sql.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
            )
        )

    await soon(waits, "the late word behind the mark")
    await marking.commit()
    assert await late == [row]
    assert await ledger.state(row) is State.IN_DOUBT


@pytest.mark.long
async def test_a_process_stopped_in_a_transaction_holds_nobody_up(ledger: Ledger) -> None:
    """The server ends its session: others get at what it had locked, and it learns of it."""
    [row] = await ledger.add([1])
    database = await Database.open(ledger.settings)
    try:
        with pytest.raises(DatabaseUnavailableError):
            await _stop_in_a_transaction(database, ledger, row)
    finally:
        await database.close()


async def test_a_process_stopped_within_a_question_holds_nobody_up(ledger: Ledger) -> None:
    """The server waits for its rest and counts that as at work: who waits ends the session."""
    worker = await ledger.worker()
    beat = (worker, ledger.store.target.id, "testhost", 1)
    async with _stopped_within_a_question(
        ledger, "SELECT FROM workers WHERE id = $1 FOR UPDATE", worker
    ):
        await ledger.database.fetch("beat", *beat, timeout=STOPPED_SECONDS + 1)


async def test_a_load_waits_for_no_process_that_was_stopped(ledger: Ledger, tmp_path: Path) -> None:
    """One that may take its time asks for a sign of life meanwhile, and so ends the session."""
    path = write_csv(tmp_path / "a.csv", [media(1)])
    target, settings = ledger.store.target, ledger.settings
    async with _stopped_within_a_question(ledger, statement("lock_loads")):
        await load_manifest(ledger.database, target, str(path), settings)
    assert await ledger.states() == {State.PENDING: 1}


@contextlib.asynccontextmanager
async def _stopped_within_a_question(
    ledger: Ledger, lock: str, *arguments: object
) -> AsyncIterator[None]:
    """Hold what ``lock`` takes for a process that was stopped between parse and execute."""
    database = await Database.open(ledger.settings)
    transaction = contextlib.AsyncExitStack()
    stopped = await transaction.enter_async_context(database.transaction())
    await stopped.execute(lock, *arguments)
    await stopped.prepare("SELECT 'parsed and never run'")
    ledger.database.hurry(3 * STOPPED_SECONDS)  # who waits in vain is to fail, and soon
    try:
        yield
    finally:
        with contextlib.suppress(DatabaseUnavailableError):  # its session was ended
            await transaction.aclose()
        await database.close()


async def _stop_in_a_transaction(database: Database, ledger: Ledger, row: int) -> None:
    async with database.transaction() as stopped:
        await stopped.execute("SELECT FROM submissions WHERE id = $1 FOR UPDATE", row)
        await ledger.sql.execute("UPDATE submissions SET line = 7 WHERE id = $1", row)
