"""Which batches get a canary: what is not due yet counts as the rest that it protects."""

from batch.ledger.canaries import Canaries
from tests.support.ledger import Ledger

SIZE = 5


async def _put_off(ledger: Ledger, rows: list[int]) -> None:
    """Do what a preflight does to media that are still being uploaded."""
    await ledger.sql.execute(
        "UPDATE submissions SET due_at = now() + interval '6 hours' WHERE id = ANY ($1)", rows
    )


async def _choose(ledger: Ledger) -> tuple[list[int], str | None]:
    """Choose; return the sizes of the canaries and what the batch says."""
    canaries = Canaries(ledger.database, ledger.store.target)
    await canaries.choose(SIZE)
    sizes = [canary.size for canary in await canaries.unjudged()]
    return sizes, await ledger.sql.fetchval("SELECT canary FROM batches")


async def test_a_batch_of_which_nothing_is_due_is_looked_at_later(ledger: Ledger) -> None:
    """All of it is put off: the night on which it is due chooses its canary."""
    rows = await ledger.add(range(30))
    await _put_off(ledger, rows)
    assert await _choose(ledger) == ([], None)
    await ledger.sql.execute("UPDATE submissions SET due_at = now()")
    assert await _choose(ledger) == ([SIZE], "open")


async def test_the_few_that_are_due_are_the_canary(ledger: Ledger) -> None:
    """Less than a canary is due, the rest is put off: the rest is protected all the same."""
    rows = await ledger.add(range(30))
    await _put_off(ledger, rows[3:])
    assert await _choose(ledger) == ([3], "open")


async def test_a_small_batch_has_none_whenever_it_is_due(ledger: Ledger) -> None:
    """No larger than a canary: there is no rest, due or not."""
    rows = await ledger.add(range(SIZE))
    await _put_off(ledger, rows)
    assert await _choose(ledger) == ([], "none")
