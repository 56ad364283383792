"""Parts of a command share their connections, and nothing else."""

import pytest

from batch.errors import DatabaseUnavailableError
from batch.ledger.database import Database
from tests.support.ledger import Ledger

_PLANNING = "SELECT current_setting('plan_cache_mode'), current_setting('enable_bitmapscan')"


async def _planning(database: Database) -> tuple[int, tuple[str, str]]:
    """Return which process serves, and how it plans."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(f"{_PLANNING}, pg_backend_pid()")
    return row[2], (row[0], row[1])


async def test_a_session_plans_as_the_part_wants_it_that_has_it(ledger: Ledger) -> None:
    """A worker's statements are planned once, along an index; those of a page never are."""
    worker = ledger.database.part(plans_once=True)
    told = [await _planning(one) for one in (ledger.database, worker, ledger.database, worker)]
    assert len({backend for backend, _ in told}) == 1
    page, once = ("auto", "on"), ("force_generic_plan", "off")
    assert [planning for _, planning in told] == [page, once, page, once]


async def test_a_plan_of_the_other_way_is_not_kept(ledger: Ledger) -> None:
    """One that PostgreSQL keeps for a page would serve the worker for the rest of the session."""
    async with ledger.database.transaction() as connection:
        await connection.execute("SET enable_seqscan = off")  # as among many rows
        await connection.execute(
            "PREPARE found(bigint, text) AS SELECT * FROM submissions WHERE id = $1 OR job_id = $2"
        )

    async def plan(database: Database) -> str:
        async with database.transaction() as connection:
            rows = await connection.fetch("EXPLAIN EXECUTE found(1, 'job')")
        return "\n".join(row[0] for row in rows)

    for _ in range(7):
        kept = await plan(ledger.database)
    assert "$1" in kept
    assert "Bitmap" in kept
    # Where nothing else is left a bitmap is planned all the same, and said to be disabled or dear.
    assert await plan(ledger.database.part(plans_once=True)) != kept


async def test_a_part_is_hurried_alone(ledger: Ledger) -> None:
    """The end of one step leaves the next one its time."""
    part = ledger.database.part()
    part.hurry(0)
    with pytest.raises(DatabaseUnavailableError):
        async with part.transaction() as connection:
            await connection.fetchval("SELECT pg_sleep(30)")
    async with ledger.database.part().transaction() as connection:
        await connection.fetchval("SELECT pg_sleep(1.5)")  # more than a last word's second
