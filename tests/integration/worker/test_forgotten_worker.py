"""A worker whose row is gone makes it again by its next heartbeat, and loses nothing."""

from tests.support.ledger import media
from tests.support.night import Night
from tests.support.waiting import soon


async def test_a_heartbeat_makes_a_forgotten_row_again(night: Night) -> None:
    """As a failover leaves it, while a request is on the wire: its answer is its own still."""
    sql = night.ledger.sql
    night.emulator.fault("delay", media_id=media(1), seconds=4, late=True)
    await night.ledger.add([1])
    async with night.running(heartbeat_timeout=2) as run:
        await night.arrived(1)
        before = await sql.fetchrow("DELETE FROM workers RETURNING id, host, pid")

        async def is_back() -> bool:
            now = await sql.fetchrow("SELECT id, host, pid FROM workers WHERE ended_at IS NULL")
            return bool(now == before)

        await soon(is_back, "the worker's row")
        assert await night.ledger.store.expire(15, "another") == []
        summary = await run
    assert summary.expired == 0
    await night.check(submitted=1)
    assert await sql.fetchval("SELECT count(*) FROM workers WHERE ended_at IS NOT NULL") == 1
