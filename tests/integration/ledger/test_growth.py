"""What a night, a turn of a worker or a page asks often costs the same however many rows there are.

Counted in pages read, which no busy machine changes: before the tables' first ANALYZE, after one of
when they were small or held another account's rows, and after a fresh one; on the embedded server
and on one as Debian ships it.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from batch.ledger.canaries import Canaries
from batch.ledger.database import Database
from batch.ledger.statements import statement
from batch.ledger.targets import open_target
from batch.settings import Settings
from benchmarks import seeded
from tests.support.ledger import UNPRICED_ARGUMENTS, Ledger, utc_now
from tests.support.postgres import Server
from tests.support.stock import needs_stock

_FEW, _MANY = 3_000, 30_000
_SOME_PAGES = 400
"""Read more or less where a plan differs: what grows with the rows reads thousands more."""
_COMPILED_COST = 100_000
"""From which cost on a stock server compiles a plan (jit_above_cost)."""

# A page's. Before the first ANALYZE the planner takes a third of all attempts for later ones, and
# reads them all, once.
_COSTLY_WHEN_UNKNOWN = frozenset({"list_receipts"})


@pytest.fixture(params=["embedded", pytest.param("stock", marks=needs_stock)])
def server(request: pytest.FixtureRequest) -> Server:
    """Both servers that people run it on."""
    if request.param == "embedded":
        embedded: Server = request.getfixturevalue("postgres")
        return embedded
    stock: Server = request.getfixturevalue("stock_postgres").server
    return stock


class Seeded:
    """A ledger of many rows, as a worker's sessions see it and as a page's do."""

    def __init__(self, page: Database, worker: Database, target: int, batch: int) -> None:
        self._page = page
        self._worker = worker
        self.questions = seeded.asked_often(target, batch)

    async def analyze(self) -> None:
        """Let the planner know what is there."""
        for table in seeded.TABLES:
            await self._page.analyze(table)

    async def pages_and_cost(self, asked: seeded.Asked) -> tuple[int, float]:
        """Return how many pages a statement reads, and what the planner thought of it."""
        database = self._worker if asked.by_worker else self._page
        async with database.transaction() as connection:
            undone = connection.transaction()
            await undone.start()
            explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement(asked.name)
            [told] = json.loads(await connection.fetchval(explain, *asked.arguments))
            await undone.rollback()
        assert "JIT" not in told
        plan = told["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], plan["Total Cost"]


async def _seeded(
    url: str, rows: int, before: int = 0, of: str = "growth"
) -> AsyncIterator[Seeded]:
    """Make a ledger of ``rows``; analyzed when it had ``before``, rows ``of`` an account."""
    settings = Settings.model_validate({"database_url": url})
    page = await Database.open(settings)
    worker = page.part(plans_once=True)
    try:
        first = (await open_target(page, of, "test")).id
        target = (await open_target(page, "growth", "test")).id
        async with page.transaction() as connection:
            # What the planner knows is this test's to say.
            for table in seeded.TABLES:
                await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
            if before:
                await seeded.seed(connection, first, before)
                for table in seeded.TABLES:
                    await connection.execute(f"ANALYZE {table}")
            await seeded.seed(connection, target, rows)
        await page.fetch("open_periods", target, "CNY", seeded.RUN, "UTC", None)
        batches = await page.fetch("list_batches", target, 5)
        yield Seeded(page, worker, target, batches[-1]["id"])
    finally:
        await page.close()


@pytest.mark.parametrize("known", ["nothing", "few", "another account", "all"])
async def test_what_is_asked_often_reads_no_more_among_more_rows(
    server: Server, known: str
) -> None:
    """Ten times the rows: as much is read, or ten times as much where every row is the question."""
    grown, costly = [], []
    with server.database(fresh=True) as few_url, server.database(fresh=True) as many_url:
        async for few in _seeded(few_url, _FEW):
            await few.analyze()
            before = [(await few.pages_and_cost(asked))[0] for asked in few.questions]
        before_that = _FEW // 10 if known in ("few", "another account") else 0
        account = "another" if known == "another account" else "growth"
        async for many in _seeded(many_url, _MANY, before_that, of=account):
            if known == "all":
                await many.analyze()
            for asked, once in zip(many.questions, before, strict=True):
                pages, cost = await many.pages_and_cost(asked)
                if known != "all" and asked.name in _COSTLY_WHEN_UNKNOWN:
                    continue
                times = _MANY // _FEW if asked.is_linear else 1
                if pages > 2 * times * once + _SOME_PAGES:
                    grown.append((asked.name, once, pages))
                if cost > _COMPILED_COST and not asked.is_linear:
                    costly.append((asked.name, cost))
    assert grown == []
    assert costly == []


async def _pages_of_begin(ledger: Ledger, *last: object) -> int:
    """Return how many pages a begin reads on its way along the line."""
    plan = await ledger.sql.fetchval(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement("begin"),
        ledger.store.target.id, 10, uuid4(), [uuid4().hex for _ in range(10)], utc_now(), None, 10,
        *UNPRICED_ARGUMENTS[:-4], *last,
    )  # fmt: skip
    [walk] = [
        node for node in _nodes(json.loads(plan)[0]["Plan"])
        if node.get("Index Name") == "submissions_begin" and node["Alias"] == "s"
    ]  # fmt: skip
    return int(walk["Shared Hit Blocks"] + walk["Shared Read Blocks"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


async def test_a_begin_for_canaries_does_not_walk_through_all_that_wait(ledger: Ledger) -> None:
    """Once they are sent, nothing of their plan is left: that is known without the whole line."""
    await ledger.add(range(20_000))
    await ledger.sql.execute("ANALYZE submissions")
    canaries = Canaries(ledger.database, ledger.store.target)
    await canaries.choose(5)
    plan = uuid4()
    await canaries.fix(plan)
    assert len(await ledger.begin(10, plan=plan)) == 5
    await ledger.sql.execute("VACUUM submissions")
    await ledger.sql.fetch(statement("enter"), False, True)
    assert await _pages_of_begin(ledger, plan, None, None, None) < 20
    assert (await ledger.store.outlook(plan)).due_in is None
    assert await ledger.begin(10, plan=plan) == []


async def test_a_begin_looks_from_a_place_on(ledger: Ledger) -> None:
    """What a held snapshot keeps in the index in front of it is not met; from the front all is."""
    urgent = await ledger.add(range(2), priority=3)
    usual = await ledger.add(range(10, 14))
    behind = await ledger.begin(2, place=(0, usual[1]))
    assert [claim.members[0].id for claim in behind] == usual[1:3]
    assert [claim.members[0].priority for claim in behind] == [0, 0]
    all_others = await ledger.begin(10)
    assert [claim.members[0].id for claim in all_others] == [*urgent, usual[0], usual[3]]


async def test_a_held_snapshot_costs_a_begin_that_looks_from_its_place_nothing(
    ledger: Ledger,
) -> None:
    """Five thousand sent rows stay in the index for the snapshot; begin steps over none."""
    await ledger.add(range(6_000))
    reader = await asyncpg.connect(ledger.url)
    try:
        async with reader.transaction(isolation="repeatable_read"):
            await reader.fetchval("SELECT count(*) FROM submissions")
            for _ in range(10):
                claims = await ledger.begin(500)
            place = (0, claims[-1].members[0].id + 1)
            await ledger.sql.fetch(statement("enter"), False, True)
            from_front = await _pages_of_begin(ledger, None, None, None, None)
            from_place = await _pages_of_begin(ledger, None, None, *place)
    finally:
        await reader.close()
    assert from_place < 100 < from_front
