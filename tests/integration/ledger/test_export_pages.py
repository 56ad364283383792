"""An export is read a page at a time: whoever reads it slowly holds nothing of the ledger's."""

from contextlib import aclosing

from batch.core.states import State
from batch.show.insights import Insights
from tests.support.ledger import Ledger

_ROWS = 2_300

_HOLDS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (backend_xmin IS NOT NULL OR state LIKE 'idle in transaction%')
"""


async def test_a_reader_who_pauses_holds_no_snapshot(ledger: Ledger) -> None:
    """It would keep what is sent meanwhile in begin's way; each row comes once, in order."""
    ids = await ledger.add(range(_ROWS))
    found = []
    insights = Insights(ledger.database, ledger.store.target)
    async with aclosing(insights.export(None, None)) as rows:
        async for row in rows:
            found.append(row["line"])
            if len(found) == 10:
                assert await ledger.sql.fetchval(_HOLDS) == 0
                # Sent, begun and loaded while the reader pauses.
                await ledger.move(ids[5], State.SUBMITTING)
                await ledger.move(ids[2_000], State.SUBMITTING)
    assert found == list(range(1, _ROWS + 1))


async def test_pages_keep_to_what_was_asked_for(ledger: Ledger) -> None:
    """A state and a batch are asked for on each page."""
    for number in range(3):
        await ledger.add(range(1_500 * number, 1_500 * number + 1_500))
    insights = Insights(ledger.database, ledger.store.target)
    batches = {row["batch_id"] for row in await ledger.rows()}
    async with aclosing(insights.export(State.PENDING, max(batches))) as rows:
        found = [row["line"] async for row in rows]
    assert found == list(range(1, 1_501))
    async with aclosing(insights.export(State.DEAD, None)) as rows:
        assert [row async for row in rows] == []
