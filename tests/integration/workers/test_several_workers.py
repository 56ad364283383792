"""Any number of ``submit`` processes on one target: one quota, no overlap, no harm by a death."""

import signal
from collections import Counter
from contextlib import ExitStack
from uuid import UUID

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, Ledger
from tests.support.waiting import PATIENCE, eventually, soon

pytestmark = pytest.mark.long

QPS = 60


@pytest.fixture
def office(console: Console) -> Console:
    """The command line in a hurry: a worker counts as dead after two seconds."""
    return console.having(
        VOD_BATCH_QPS=QPS, VOD_BATCH_HEARTBEAT_TIMEOUT="2s", VOD_BATCH_SETTLE="1ms",
        VOD_BATCH_CONCURRENCY=8,
    )  # fmt: skip


async def _sent_by(ledger: Ledger) -> Counter[UUID]:
    rows = await ledger.sql.fetch("SELECT worker_id FROM attempts WHERE outcome = 'accepted'")
    return Counter(row["worker_id"] for row in rows)


def _assert_paid_once(emulator: Emulator, jobs: int) -> None:
    meter = emulator.meter()
    assert meter["media_types_with_more_than_one_job"]["count"] == 0
    assert meter["jobs"] == jobs


async def _settle(office: Console, ledger: Ledger, emulator: Emulator) -> None:
    """Run reconcile and submit until every row has its job."""
    office.run("reconcile", "--once", code=None)
    office.run("submit")
    assert set(await ledger.states()) <= {State.SUBMITTED, State.SUCCEEDED}
    await ledger.check(emulator.jobs())


async def test_three_workers_share_one_quota(
    office: Console, ledger: Ledger, emulator: Emulator
) -> None:
    """All three take part, no call is throttled, every row is claimed by exactly one of them.

    Two that begin at once may take a type each of one media: a request more, no job more.
    """
    # Twice what they are told, while three that do not share would send three times as much: their
    # own pace is what is tested, not in what heaps a busy machine delivers.
    emulator.quota(QPS * 2)
    await ledger.add(range(240), DNA, TAG)
    with ExitStack() as stack:
        workers = [stack.enter_context(office.started("submit")) for _ in range(3)]
        codes = [worker.wait(PATIENCE) for worker in workers]
    assert codes == [ExitCode.DONE] * 3
    sent_by = await _sent_by(ledger)
    assert sum(sent_by.values()) == 480
    assert len(sent_by) == 3
    assert emulator.meter()["throttled"] == 0
    begun = await ledger.sql.fetchrow("SELECT count(*), count(DISTINCT nonce) FROM attempts")
    assert tuple(begun) == (480, emulator.submits())
    _assert_paid_once(emulator, 480)
    await ledger.check(emulator.jobs())


async def test_the_last_of_three_workers_finishes_alone(
    office: Console, ledger: Ledger, emulator: Emulator
) -> None:
    """Two are killed on the way: what they sent is in doubt, the third does the rest."""
    emulator.fault("delay", seconds=0.1)
    await ledger.add(range(240))
    with ExitStack() as stack:
        workers = [stack.enter_context(office.started("submit")) for _ in range(3)]

        async def look() -> bool:
            return len(await _sent_by(ledger)) == 3

        await soon(look, "an accepted request of each worker")
        for worker in workers[:2]:
            worker.kill()
        code = workers[2].wait(PATIENCE)
    assert code in (ExitCode.DONE, ExitCode.DONE_WITH_DOUBTS)
    states = await ledger.states()
    assert set(states) <= {State.SUBMITTED, State.IN_DOUBT}
    assert states.get(State.IN_DOUBT, 0) <= 2 * 8
    await ledger.check(emulator.jobs())
    emulator.forget_faults()
    await _settle(office, ledger, emulator)
    _assert_paid_once(emulator, 240)


async def test_a_slow_worker_is_not_a_danger(
    office: Console, ledger: Ledger, emulator: Emulator
) -> None:
    """Stopped past its heartbeat it loses its rows to doubt; its late answers are receipts."""
    emulator.fault("delay", seconds=0.5, first=8)
    rows = await ledger.add(range(40))
    with office.started("submit") as slow:
        eventually(lambda: emulator.submits() >= 8, "requests of the slow worker")
        slow.send_signal(signal.SIGSTOP)
        held = (await ledger.states())[State.SUBMITTING]
        assert held
        ended = office.run("submit", code=ExitCode.DONE_WITH_DOUBTS)
        assert "in doubt" in ended.stdout
        assert (await ledger.states()) == {
            State.IN_DOUBT: held, State.SUBMITTED: len(rows) - held
        }  # fmt: skip
        slow.send_signal(signal.SIGCONT)
        assert slow.wait(PATIENCE) in (ExitCode.DONE, ExitCode.DONE_WITH_DOUBTS)
    # Its answers had come, or its requests were cut off while it slept; neither is sent again.
    states = await ledger.states()
    assert set(states) <= {State.SUBMITTED, State.IN_DOUBT}
    assert states.get(State.IN_DOUBT, 0) < held
    moves = await ledger.sql.fetch(
        "SELECT 1 FROM submission_history WHERE from_state = 'in_doubt' AND to_state = 'submitted'"
    )
    assert moves
    await ledger.check(emulator.jobs())
    await _settle(office, ledger, emulator)
    _assert_paid_once(emulator, len(rows))


async def test_a_worker_is_a_random_id_not_a_host(office: Console, ledger: Ledger) -> None:
    """Two runs on one host are two workers; a restarted container is not taken for its twin."""
    await ledger.add([1])
    for _ in range(2):
        office.run("submit")
    workers = await ledger.sql.fetch("SELECT id, host FROM workers")
    assert len({worker["id"] for worker in workers}) == 2
    assert len({worker["host"] for worker in workers}) == 1
    assert {worker["id"].version for worker in workers} == {4}


async def test_a_worker_waits_for_a_living_one(
    office: Console, ledger: Ledger, emulator: Emulator
) -> None:
    """What another worker is sending belongs to it as long as its heart beats."""
    emulator.fault("delay", seconds=4)
    await ledger.add(range(4))
    with office.started("submit") as first:
        eventually(lambda: emulator.submits() == 4, "requests of the first worker")
        with office.started("submit") as second:
            assert first.wait(PATIENCE) == ExitCode.DONE
            assert second.wait(PATIENCE) == ExitCode.DONE
    assert await ledger.states() == {State.SUBMITTED: 4}
    doubted = await ledger.sql.fetchval(
        "SELECT count(*) FROM submission_history WHERE to_state = 'in_doubt'"
    )
    assert doubted == 0
    assert emulator.submits() == 4
