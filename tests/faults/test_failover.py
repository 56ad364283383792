"""The database changes hands under a living worker: nothing is paid twice, nothing stays silent."""

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.night import Night


async def test_a_row_that_its_worker_does_not_know_ends_in_doubt(night: Night) -> None:
    """Held by a living worker that never heard of it, a row would keep every run from its end."""
    night.emulator.fault("delay", seconds=0.2)
    await night.ledger.add(range(8))
    [unknown] = await night.ledger.add([99])
    await night.ledger.sql.execute("UPDATE submissions SET hold_id = 0 WHERE id = $1", unknown)
    async with night.running(concurrency=2) as run:
        await night.arrived(1)
        worker = await night.ledger.sql.fetchval("SELECT id FROM workers")
        await night.ledger.move(unknown, State.SUBMITTING, worker)
        summary = await run
    assert await night.ledger.state(unknown) is State.IN_DOUBT
    assert ExitCode.DONE_WITH_DOUBTS in summary.exit_codes
    assert summary.left_in_doubt == 1
    assert night.emulator.submits() == 8
