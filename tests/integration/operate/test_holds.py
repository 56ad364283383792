"""Holds: what is held is not begun, nobody waits for it, and it goes on after resume."""

import json
from collections.abc import Sequence

import pytest

from batch.core.models import Claim
from batch.core.states import State
from batch.ledger.operators import Operators, Selection
from batch.ledger.statements import statement
from batch.reconcile.resolving import operator_name
from tests.integration.operate.test_words import _run, _told
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, UNPRICED_ARGUMENTS, Ledger, media, utc_now

WHO, WHY = "the canary", "too many of the first 20 failed"


def _ids(claims: Sequence[Claim]) -> list[int]:
    return [member.id for claim in claims for member in claim.members]


@pytest.fixture
def operators(ledger: Ledger) -> Operators:
    """The operator's side of this test's ledger."""
    return Operators(ledger.database, ledger.store.target)


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        (["--all"], set()),
        (["--batch", "1"], {2, 3}),
        ([media(2)], {0, 1, 3}),
        (["--campaign", "again"], {0, 1, 2}),
    ],
)
async def test_pause_and_resume(
    ledger: Ledger, console: Console, words: list[str], begun: set[int]
) -> None:
    """Begin skips what is held, wherever it stands in the queue; resumed, it is begun."""
    rows = [
        *await ledger.add([0, 1]),
        *await ledger.add([2]),
        *await ledger.add([3], campaign="again"),
    ]
    told = await _told(console, "pause", *words, "--yes")
    assert told["done"] == 4 - len(begun)
    assert set(_ids(await ledger.begin())) == {rows[n] for n in begun}
    again = await _told(console, "pause", *words, "--yes")
    assert (again["changed"], again["done"]) == (False, 0)
    told = await _told(console, "resume", *words, "--yes")
    assert told["done"] == 4 - len(begun)
    assert set(_ids(await ledger.begin())) == {row for n, row in enumerate(rows) if n not in begun}
    (hold,) = await ledger.sql.fetch("SELECT * FROM holds")
    assert hold["held_by"] == hold["released_by"] == operator_name()
    assert hold["released_at"] > hold["held_at"]
    assert hold["reason"].startswith("pause ")
    await ledger.check()


async def test_a_run_does_not_wait_for_what_is_held(
    ledger: Ledger, console: Console, emulator: Emulator
) -> None:
    """It sends the rest, ends, and says how many are held; nothing of the batch was sent."""
    await ledger.add(range(3))
    await ledger.add(range(10, 12))
    await _run(console, "pause", "--batch", "1", "--yes")
    ended = await _run(console, "submit", code=5)
    assert "  held                 3  " in ended.stdout
    assert "still due" not in ended.stdout
    assert {job["media_id"] for job in emulator.jobs()} == {media(10), media(11)}
    await _run(console, "resume", "--batch", "1", "--yes")
    assert "  held" not in (await _run(console, "submit")).stdout
    assert len(emulator.jobs()) == 5


async def test_a_plan_says_what_is_held_and_how_to_let_it_go(
    ledger: Ledger, console: Console
) -> None:
    """What is held is not due, and there is nothing to send; the hold is named with its way out."""
    await ledger.add(range(3))
    await _run(console, "pause", "--all", "--yes")
    plan = (await _run(console, "plan")).stdout
    assert "  due                  0  submissions" in plan
    assert "held: the whole target, 3 submissions, since " in plan
    assert "let go with: vod-batch resume --all" in plan
    assert "submit --plan" not in plan
    (hold,) = (await _told(console, "plan"))["holds"]
    assert (hold["scope"], hold["rows"]) == ("target", 3)
    await _run(console, "resume", "--all", "--yes")
    plan = (await _run(console, "plan")).stdout
    assert "  due                  3  submissions" in plan
    assert "held" not in plan


async def test_a_held_batch_holds_what_comes_back_to_it(
    ledger: Ledger, operators: Operators
) -> None:
    """A row on the wire when its batch was held is not begun again once it is given back."""
    (row,) = await ledger.add([1])
    (claim,) = await ledger.begin()
    assert await operators.hold_batch(1, WHY, WHO)
    assert not await operators.hold_batch(1, WHY, WHO)
    await ledger.move(row, State.PENDING)
    assert await ledger.begin() == []
    assert (await ledger.store.outlook()).due_in is None
    assert await operators.count_held() == 1
    assert await operators.release_batch(1, WHY, WHO)
    assert not await operators.release_batch(1, WHY, WHO)
    assert _ids(await ledger.begin()) == [claim.members[0].id]


async def test_a_held_partner_stays_behind(ledger: Ledger, operators: Operators) -> None:
    """The other type of a media, held, does not ride in its request."""
    dna, tag = await ledger.add([1], DNA, TAG)
    assert await operators.hold(Selection(job_type=TAG), WHY, WHO) == 1
    assert _ids(await ledger.begin()) == [dna]
    assert await operators.release(Selection(job_type=TAG), WHY, WHO) == 1
    assert _ids(await ledger.begin()) == [tag]


async def test_resume_all_leaves_other_holds(ledger: Ledger, console: Console) -> None:
    """It undoes pause --all only: a canary's hold of a batch must not go by the way."""
    await ledger.add([1])
    await ledger.add([2])
    for words in (["--batch", "1"], [media(2)], ["--all"]):
        await _run(console, "pause", *words, "--yes")
    told = await _told(console, "resume", "--all", "--yes")
    assert [group["why"] for group in told["left"]] == [
        "its batch is held: vod-batch resume --batch 1",
        "it is held by itself: see vod-batch status",
    ]
    assert await ledger.begin() == []


async def test_cancelled_rows_end_their_hold(ledger: Ledger, console: Console) -> None:
    """A hold of rows ends with its last row; status then shows none."""
    await ledger.add([1, 2])
    await _run(console, "pause", "--state", "pending", "--yes")
    shown = json.loads((await _run(console, "status", "--json")).stdout)["holds"]
    assert [(hold["scope"], hold["rows"]) for hold in shown] == [("rows", 2)]
    assert "held: single submissions, 2 submissions" in (await _run(console, "status")).stdout
    await _run(console, "cancel", "--batch", "1", "--yes")
    assert json.loads((await _run(console, "status", "--json")).stdout)["holds"] == []
    assert await ledger.sql.fetchval("SELECT count(*) FROM holds WHERE released_at IS NULL") == 0


async def test_a_large_held_batch_costs_begin_nothing(ledger: Ledger, operators: Operators) -> None:
    """With 30,000 held rows at the head begin reads no more than it claims, in a session that
    kept its plans from small moves; and the word itself does not compare every pair of rows."""
    await ledger.add([0])
    await ledger.sql.execute(
        "INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, "
        "campaign, priority) SELECT $1, 1 + n / 30000, n, md5(n::text || 'x'), 'AIMediaDNA', '', "
        "'default', 0 FROM generate_series(1, 30100) n",
        ledger.store.target.id,
    )
    await ledger.sql.execute("ANALYZE submissions")
    await ledger.begin(1)
    assert await operators.hold_batch(1, WHY, WHO)
    nonces = [f"{n:032x}" for n in range(32)]
    worker = await ledger.worker()
    await ledger.sql.execute("VACUUM submissions")
    await ledger.sql.fetch(statement("enter"), False, True)
    async with ledger.sql.transaction():
        plan = await ledger.sql.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + statement("begin"),
            ledger.store.target.id, 32, worker, nonces, utc_now(), None, 1000,
            *UNPRICED_ARGUMENTS,
        )  # fmt: skip
    text = "\n".join(line[0] for line in plan)
    assert "Index Scan using submissions_begin" in text
    assert "Seq Scan on submissions" not in text
    removed = [int(line[0].split(": ")[1]) for line in plan if "Rows Removed by Filter" in line[0]]
    assert max(removed, default=0) <= 32
    assert await operators.cancel(Selection(batch=1), WHY, WHO) == 29_999
    await ledger.check()
