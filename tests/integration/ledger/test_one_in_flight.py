"""At most one submission of a media and type on the wire or in doubt, whoever claims at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from batch.core.models import Claim
from batch.core.states import State
from batch.ledger.doubts import Doubts, Settlement
from batch.ledger.journal import Journal
from batch.ledger.operators import Operators, Selection
from batch.ledger.recovery import check_journals, replay_journals
from batch.ledger.statements import statement
from tests.support.ledger import TAG, UNPRICED, UNPRICED_ARGUMENTS, Ledger, media, utc_now
from tests.support.waiting import soon

_BLIND = """
CREATE OR REPLACE FUNCTION may_go_in_flight(target integer, media text, type text) RETURNS boolean
LANGUAGE sql AS 'SELECT true'
"""


def _media(claims: list[Claim]) -> list[str]:
    return [claim.media_id for claim in claims]


@asynccontextmanager
async def _a_begin_under_way(ledger: Ledger, requests: int) -> AsyncIterator[list[int]]:
    """Let another worker claim, and not have committed yet; it commits when the block ends."""
    worker = await ledger.worker()
    async with ledger.sql.transaction():
        rows = await ledger.sql.fetch(
            statement("begin"), ledger.store.target.id, requests, worker,
            [uuid4().hex for _ in range(requests)], utc_now(), None, requests, *UNPRICED_ARGUMENTS,
        )  # fmt: skip
        yield [row["id"] for row in rows]


@pytest.mark.parametrize("other", [{"campaign": "again"}, {"config": '{"DNADBId":"d"}'}])
async def test_two_that_claim_at_once_claim_different_media(
    ledger: Ledger, other: dict[str, str]
) -> None:
    """What another worker has just claimed is left out, and the begin goes on without it."""
    first = await ledger.add([1])
    await ledger.add([1, 2], **other)  # type: ignore[arg-type]
    async with _a_begin_under_way(ledger, 1) as claimed:
        assert claimed == first
        assert _media(await ledger.begin(3)) == [media(2)]
    assert await ledger.begin(3) == []
    assert await ledger.states() == {State.SUBMITTING: 2, State.PENDING: 1}


async def test_a_begin_that_meets_another_at_the_index_begins_again(
    ledger: Ledger, database_url: str
) -> None:
    """Were the guard blind, the index refuses, nothing fails, and the other media are claimed."""
    await ledger.add([1])
    await ledger.add([1, 2], campaign="again")
    await ledger.sql.execute(_BLIND)
    watcher = await asyncpg.connect(database_url)

    async def waits() -> bool:
        return bool(await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    async with _a_begin_under_way(ledger, 1):
        beginning = asyncio.create_task(ledger.begin(3))
        await soon(waits, "a begin that waits for the other one")
    assert _media(await beginning) == [media(2)]
    await watcher.close()


@pytest.mark.parametrize("state", [State.SUBMITTING, State.IN_DOUBT])
async def test_the_database_itself_refuses_a_second_one(ledger: Ledger, state: State) -> None:
    """No statement, ours or another's, can put two submissions of one media and type there."""
    worker = await ledger.worker()
    await ledger.put(1, state, worker)
    [second] = await ledger.add([1], campaign="again")
    with pytest.raises(asyncpg.UniqueViolationError, match="submissions_one_in_flight"):
        await ledger.move(second, State.SUBMITTING, worker)
    [other_type] = await ledger.add([1], TAG, campaign="again")
    await ledger.move(other_type, State.SUBMITTING, worker)


class _Backup:
    """A journal that knows two doubts of one media and type, and a database that forgot both."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        self.folder = folder

    async def forget(self) -> list[int]:
        """Begin the media in two campaigns, one after the other; then the database forgets."""
        ledger = self.ledger
        rows = [*(await ledger.add([1])), *(await ledger.add([1], campaign="again"))]
        worker = await ledger.worker()
        journal = Journal(self.folder, worker, ledger.store.target)
        doubts = Doubts(ledger.database, ledger.store.target)
        for row in rows:
            [claim] = await ledger.begin(worker=worker)
            assert [member.id for member in claim.members] == [row]
            journal.append([journal.intent_line(claim)])
            await ledger.store.end_worker(worker)
            await ledger.store.expire(15, "test")
            await doubts.settle([Settlement(row, 1, f"found {row}", "look-up")], "test")
        journal.close()
        await ledger.sql.execute("TRUNCATE attempts, submission_history")
        await ledger.sql.execute("ALTER TABLE submissions DISABLE TRIGGER submissions_moved")
        await ledger.sql.execute(
            "UPDATE submissions SET state = 'pending', lease = 0, attempts = 0, job_id = NULL, "
            "submitted_at = NULL, worker_id = NULL"
        )
        await ledger.sql.execute("ALTER TABLE submissions ENABLE TRIGGER submissions_moved")
        return rows

    async def replay(self) -> int:
        """Read the journal in, as every start does."""
        ledger = self.ledger
        target = ledger.store.target
        replayed = await replay_journals(ledger.database, target, self.folder, UNPRICED)
        return replayed.touched


@pytest.fixture
def backup(ledger: Ledger, tmp_path: Path) -> _Backup:
    """A ledger whose journal lies in this test's folder."""
    return _Backup(ledger, tmp_path / "journal")


async def test_of_two_doubts_of_a_journal_the_older_one_comes_first(backup: _Backup) -> None:
    """The younger one waits, is not sent meanwhile, and is in doubt when the older one is over."""
    ledger = backup.ledger
    older, younger = await backup.forget()
    assert await backup.replay() == 2
    assert (await ledger.state(older), await ledger.state(younger)) == (
        State.IN_DOUBT, State.PENDING
    )  # fmt: skip
    [check] = await check_journals(ledger.database, ledger.store.target, backup.folder)
    assert not check.comparison.differs
    doubts = Doubts(ledger.database, ledger.store.target)
    lease = (await ledger.row(older))["lease"]
    await doubts.settle([Settlement(older, lease, "its job", "look-up")], "test")
    assert await ledger.begin(5) == []
    assert not (await ledger.store.outlook()).is_due
    await ledger.store.expire(15, "test")
    assert (await ledger.state(older), await ledger.state(younger)) == (
        State.SUBMITTED, State.IN_DOUBT
    )  # fmt: skip
    await ledger.check()


async def test_what_waits_for_a_doubt_cannot_be_withdrawn(backup: _Backup) -> None:
    """It is perhaps paid: a cancel, or a look at its media, leaves it until it is settled."""
    ledger = backup.ledger
    _, younger = await backup.forget()
    await backup.replay()
    operators = Operators(ledger.database, ledger.store.target)
    assert await operators.cancel(Selection(), "gone", "op") == 0
    assert await ledger.state(younger) is State.PENDING
    assert await backup.replay() == 0
