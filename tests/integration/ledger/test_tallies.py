"""How many submissions stand where is kept beside them, and is always what counting them gives."""

import asyncio
from decimal import Decimal
from random import Random
from uuid import uuid4

import asyncpg
import pytest

from batch.core.models import JobType
from batch.core.outcome import Accepted, InDoubt, Job, Outcome, Refused
from batch.core.states import State
from batch.core.verdict import judge
from batch.ledger.operators import Operators, Selection
from tests.support.ledger import DNA, PATHS, TAG, Ledger
from tests.support.money import held_against

WHO, WHY = "operator test", "because"


async def _changes(ledger: Ledger) -> int:
    return int(await ledger.sql.fetchval("SELECT count(*) FROM tally_changes"))


@pytest.mark.parametrize("state", list(State))
async def test_every_way_into_every_state_is_counted(ledger: Ledger, state: State) -> None:
    """Whatever moves a row, by whatever statement."""
    await ledger.put(1, state)
    await ledger.add([2, 3], DNA, TAG)
    await ledger.check_tallies()
    counts = await ledger.store.count_states()
    assert counts[state] == (5 if state is State.PENDING else 1)
    assert sum(counts.values()) == 5
    assert set(PATHS) == set(State)


async def test_an_operators_words_are_counted(ledger: Ledger) -> None:
    """Held, released, cancelled, tried again: each group by itself."""
    operators = Operators(ledger.database, ledger.store.target)
    await ledger.add(range(6))
    await ledger.put(10, State.FAILED)
    assert await operators.hold(Selection(batch=1), WHY, WHO) == 6
    await ledger.check_tallies()
    assert await operators.count_held() == 6
    assert [hold.rows for hold in await operators.holds()] == [6]
    await operators.retry(Selection(), WHY, WHO)
    assert await operators.cancel(Selection(batch=1), WHY, WHO) == 6
    await ledger.check_tallies()
    assert await operators.count_held() == 0
    assert await operators.hold_target(WHY, WHO)
    assert await operators.count_held() == 1
    assert await operators.hold_batch(2, WHY, WHO)
    assert {hold.scope: hold.rows for hold in await operators.holds()} == {"target": 1, "batch": 1}
    await ledger.check_tallies()


def _outcome(number: int, types: tuple[JobType, ...]) -> Outcome:
    if number % 5 == 0:
        return Refused("Some.Code", "no", uuid4().hex, 400)
    if number % 7 == 0:
        return InDoubt("no answer")
    return Accepted(uuid4().hex, tuple(Job(one, uuid4().hex) for one in types))


async def test_workers_beside_each_other_and_folds_lose_no_change(ledger: Ledger) -> None:
    """Four workers begin and record under prices, and another session folds all the time."""
    await ledger.add(range(240), DNA, TAG)
    spending = held_against(day="1000")
    await ledger.store.open_periods(spending)
    folding = await asyncpg.connect(ledger.url)
    is_over = asyncio.Event()

    async def fold() -> None:
        while not is_over.is_set():
            await folding.execute("SELECT fold_tallies($1)", ledger.store.target.id)

    workers = [await ledger.worker() for _ in range(4)]

    async def work(number: int) -> None:
        worker = workers[number]
        while claims := await ledger.begin(4, worker=worker, spending=spending):
            verdicts = [
                verdict
                for place, claim in enumerate(claims)
                for verdict in judge(
                    claim, _outcome(number + place, claim.types), max_attempts=3, dice=Random(1)
                )
            ]
            await ledger.store.record(verdicts, "test")

    folder = asyncio.create_task(fold())
    try:
        await asyncio.gather(*map(work, range(4)))
    finally:
        is_over.set()
        await folder
        await folding.close()
    await ledger.check()
    assert await ledger.sql.fetchval("SELECT count(*) FROM tallies") > 0


async def test_changes_fold_by_themselves(ledger: Ledger) -> None:
    """Nobody has to think of it: of thousands some hundreds are left, and none is lost."""
    [one] = await ledger.add([1])
    async with ledger.sql.transaction():
        for n in range(800):
            await ledger.sql.execute(
                "UPDATE submissions SET price = $2 WHERE id = $1", one, Decimal(n)
            )
    assert await _changes(ledger) < 1_000
    await ledger.check_tallies()


async def test_a_change_that_is_undone_is_not_counted(ledger: Ledger) -> None:
    """The change goes with its transaction."""
    await ledger.add([1])
    undone = ledger.sql.transaction()
    await undone.start()
    await ledger.sql.execute("UPDATE submissions SET hold_id = 7")
    await undone.rollback()
    await ledger.check_tallies()
    assert await _changes(ledger) == 1


@pytest.mark.parametrize("how", ["DELETE FROM submissions", "TRUNCATE submissions"])
async def test_rows_that_an_administrator_removes_are_not_counted(ledger: Ledger, how: str) -> None:
    """As after a restore of a part."""
    await ledger.add(range(5))
    await ledger.sql.execute(how)
    await ledger.check_tallies()
    assert sum((await ledger.store.count_states()).values()) == 0
