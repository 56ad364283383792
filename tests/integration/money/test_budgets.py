"""Budgets by reservation: what a begin reserves, what gives it back, and who waits for whom."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
import pytest

from batch.core.models import Claim
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.doubts import Doubts, Poll, Settlement
from batch.ledger.statements import statement
from tests.support.ledger import DNA, TAG, Ledger, media, utc_now
from tests.support.money import bound, held_against, set_lengths
from tests.support.waiting import soon

S = State


def _ids(claims: list[Claim]) -> list[int]:
    return [member.id for claim in claims for member in claim.members]


async def _accept(ledger: Ledger, claim: Claim) -> None:
    verdicts = [
        Verdict(m.id, m.lease, "accepted", S.SUBMITTED, job_id=f"job-{m.id}") for m in claim.members
    ]
    assert await ledger.store.record(verdicts, "test") == []


async def test_a_begin_reserves_what_each_may_cost(ledger: Ledger) -> None:
    """Price, length and amount are written with the intent, and bound in run, day and month."""
    (row,) = await ledger.add([1])
    await set_lengths(ledger, {1: 10})
    spending = held_against()
    await ledger.begin(spending=spending)
    found = await ledger.row(row)
    assert (found["price"], found["seconds"], found["amount"]) == (
        Decimal("0.05"), Decimal(600), Decimal("0.5"),
    )  # fmt: skip
    for kind in ("run", "day", "month"):
        assert await bound(ledger, spending, kind) == Decimal("0.5")
    await ledger.check()


async def test_a_run_begins_as_far_as_its_budget_reaches(ledger: Ledger) -> None:
    """In sending order: the first that does not fit ends it, for smaller ones behind it too."""
    rows = await ledger.add(range(4))
    await set_lengths(ledger, {0: 10, 1: 10, 2: 20, 3: 1})
    spending = held_against(run="1.99")
    await ledger.store.open_periods(spending)
    assert _ids(await ledger.begin(spending=spending)) == rows[:2]
    assert await ledger.begin(spending=spending) == []
    (use,) = await ledger.store.budget_uses(spending)
    assert (use.period, use.limit, use.spent) == ("run", Decimal("1.99"), Decimal("1.0"))
    due = await ledger.store.next_cost(spending)
    assert due
    assert (due.media_id, due.amount) == (media(2), Decimal(1))
    await ledger.check()


async def test_a_budget_is_used_to_its_last_cent(ledger: Ledger) -> None:
    """What fits exactly fits."""
    rows = await ledger.add(range(3))
    await set_lengths(ledger, dict.fromkeys(range(3), 10))
    spending = held_against(day="1.5")
    await ledger.store.open_periods(spending)
    assert _ids(await ledger.begin(spending=spending)) == rows


async def test_a_request_of_two_types_is_cut_where_the_budget_ends(ledger: Ledger) -> None:
    """Each type is reserved for itself; the one that does not fit stays due."""
    dna, tag = await ledger.add([1], DNA, TAG)
    await set_lengths(ledger, {1: 10})
    spending = held_against(run="1")
    await ledger.store.open_periods(spending)
    assert _ids(await ledger.begin(spending=spending)) == [dna]
    assert await ledger.state(tag) is S.PENDING


async def test_a_budget_of_nothing_lets_nothing_be_begun(ledger: Ledger) -> None:
    """Zero is a budget."""
    await ledger.add([1])
    await set_lengths(ledger, {1: 1})
    spending = held_against(run="0")
    await ledger.store.open_periods(spending)
    assert await ledger.begin(spending=spending) == []


async def test_without_its_periods_a_budget_lets_nothing_be_begun(ledger: Ledger) -> None:
    """A day that nobody opened cannot be locked, so it cannot be spent from."""
    await ledger.add([1])
    await set_lengths(ledger, {1: 1})
    spending = held_against(run="9", day="9", month="9")
    assert await ledger.begin(spending=spending) == []
    await ledger.store.open_periods(spending)
    assert len(await ledger.begin(spending=spending)) == 1


async def test_what_nobody_can_price_waits_and_lets_others_pass(ledger: Ledger) -> None:
    """Under a budget an unknown length is not free: it waits until a longest one is allowed."""
    unknown, known = await ledger.add([1, 2])
    await set_lengths(ledger, {2: 10})
    spending = held_against(run="9")
    await ledger.store.open_periods(spending)
    assert _ids(await ledger.begin(1, spending=spending)) == [known]
    assert await ledger.begin(spending=spending) == []
    allowing = held_against(run="9", longest=3600)
    await ledger.store.open_periods(allowing)
    assert _ids(await ledger.begin(spending=allowing)) == [unknown]
    assert (await ledger.row(unknown))["amount"] == Decimal(3)


async def test_without_a_budget_what_nobody_can_price_is_sent(ledger: Ledger) -> None:
    """Its cost stays unknown, and is never zero."""
    (row,) = await ledger.add([1])
    await ledger.begin(spending=held_against())
    found = await ledger.row(row)
    assert (found["price"], found["seconds"], found["amount"]) == (Decimal("0.05"), None, None)


@pytest.mark.parametrize(
    ("outcome", "is_bound"),
    [
        (Verdict(0, 0, "accepted", S.SUBMITTED, job_id="job"), True),
        (Verdict(0, 0, "in_doubt", S.IN_DOUBT, message="silence"), True),
        (Verdict(0, 0, "refused", S.REJECTED, code="R"), False),
        (Verdict(0, 0, "throttled", S.PENDING, code="T", counts=False), False),
        (Verdict(0, 0, "not_sent", S.DEAD, message="closed port"), False),
    ],
)
async def test_money_is_bound_while_a_job_may_exist(
    ledger: Ledger, outcome: Verdict, *, is_bound: bool
) -> None:
    """A refusal gives back what was reserved; a doubt keeps it."""
    await ledger.add([1])
    await set_lengths(ledger, {1: 10})
    spending = held_against()
    (claim,) = await ledger.begin(spending=spending)
    (member,) = claim.members
    told = {name: getattr(outcome, name) for name in outcome.__slots__}
    verdict = Verdict(**told | {"submission_id": member.id, "lease": member.lease})
    await ledger.store.record([verdict], "test")
    assert await bound(ledger, spending) == (Decimal("0.5") if is_bound else 0)
    await ledger.check()


@pytest.mark.parametrize(("verdict", "charged"), [(S.SUCCEEDED, "0.5"), (S.FAILED, "0")])
async def test_a_job_is_settled_at_its_end(ledger: Ledger, verdict: State, charged: str) -> None:
    """A job that succeeded is charged, one that failed is free."""
    await ledger.add([1])
    await set_lengths(ledger, {1: 10})
    spending = held_against()
    (claim,) = await ledger.begin(spending=spending)
    await _accept(ledger, claim)
    (member,) = claim.members
    poll = Poll(member.id, f"job-{member.id}", verdict, "Code", "message")
    await Doubts(ledger.database, ledger.store.target).record_polls([poll], "test")
    assert await bound(ledger, spending) == Decimal(charged)
    await ledger.check()


async def test_a_doubt_without_a_job_gives_its_money_back(ledger: Ledger) -> None:
    """Proof of absence makes it due again, and frees what it held; a late receipt binds it anew."""
    row = await ledger.put(1, S.PENDING)
    await set_lengths(ledger, {1: 10})
    spending = held_against(run="0.5")
    await ledger.store.open_periods(spending)
    (claim,) = await ledger.begin(spending=spending)
    (member,) = claim.members
    doubt = Verdict(row, member.lease, "in_doubt", S.IN_DOUBT, message="silence")
    await ledger.store.record([doubt], "test")
    assert await bound(ledger, spending) == Decimal("0.5")
    doubts = Doubts(ledger.database, ledger.store.target)
    assert set(await doubts.settle([Settlement(row, member.lease, None, "no trace")], "t")) == {row}
    assert await bound(ledger, spending) == 0
    await _accept(ledger, claim)
    assert await ledger.state(row) is S.SUBMITTED
    assert await bound(ledger, spending) == Decimal("0.5")
    await ledger.check()


async def test_a_day_begins_at_midnight_in_its_time_zone(ledger: Ledger) -> None:
    """What was spent before midnight in Shanghai does not count against the day after it."""
    first, second = await ledger.add([1, 2])
    await set_lengths(ledger, {1: 10, 2: 10})
    before, after = (
        datetime(2027, 3, 31, 15, 59, 59, tzinfo=UTC), datetime(2027, 3, 31, 16, tzinfo=UTC),
    )  # fmt: skip
    await ledger.sql.execute("UPDATE submissions SET due_at = '2020-01-01'")
    spending = held_against(day="0.5", zone="Asia/Shanghai")
    for moment, row in ((before, first), (after, second)):
        await ledger.database.fetch(
            "open_periods", ledger.store.target.id, "CNY", spending.run, spending.zone, moment
        )
        assert _ids(await ledger.begin(spending=spending, now=moment)) == [row]
        assert await ledger.begin(spending=spending, now=moment) == []
    periods = await ledger.sql.fetch("SELECT period FROM spending WHERE amount > 0 ORDER BY 1")
    assert [row["period"] for row in periods] == [
        "day 2027-03-31", "day 2027-04-01", "month 2027-03", "month 2027-04",
        f"run {spending.run}",
    ]  # fmt: skip


async def test_currencies_do_not_mix(ledger: Ledger) -> None:
    """What was spent in one currency says nothing about a budget in another."""
    rows = await ledger.add([1, 2])
    await set_lengths(ledger, {1: 10, 2: 10})
    await ledger.begin(1, spending=held_against())
    prices = held_against().prices
    dollars = held_against(day="0.5", prices=type(prices)("USD", prices.per_minute))
    await ledger.store.open_periods(dollars)
    assert _ids(await ledger.begin(spending=dollars)) == rows[1:]


async def test_two_workers_cannot_overshoot_together(ledger: Ledger) -> None:
    """A begin waits for the one before it, and then sees what that has reserved."""
    rows = await ledger.add(range(6))
    await set_lengths(ledger, dict.fromkeys(range(6), 10))
    spending, other = held_against(day="2"), held_against(day="2")
    for one in (spending, other):
        await ledger.store.open_periods(one)
    worker = await ledger.worker()
    connection = await asyncpg.connect(ledger.url)
    try:
        held = connection.transaction()
        await held.start()
        first = await connection.fetch(
            statement("begin"), ledger.store.target.id, 3, worker, ["a" * 32, "b" * 32, "c" * 32],
            utc_now(), None, 100, *spending.price_arguments, *spending.budget_arguments,
            *[None] * 5,
        )  # fmt: skip
        assert [row["id"] for row in first] == rows[:3]
        second = asyncio.create_task(ledger.begin(3, spending=other, worker=worker))

        async def waits() -> bool:
            return bool(
                await ledger.sql.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database()"
                )
            )

        await soon(waits, "the second begin waits for the first")
        assert not second.done()
        await held.commit()
    finally:
        await connection.close()
    assert _ids(await second) == rows[3:4]
    assert await bound(ledger, spending, "day") == Decimal(2)
    await ledger.check()


async def test_many_workers_spend_a_budget_exactly(ledger: Ledger) -> None:
    """Ten at once, begins and refusals mixed: never a cent over, and in the end not one under."""
    await ledger.add(range(100))
    await set_lengths(ledger, dict.fromkeys(range(100), 10))
    shared = [held_against(month="20.5") for _ in range(10)]
    workers = [await ledger.worker() for _ in shared]

    async def work(number: int) -> int:
        spending = shared[number]
        await ledger.store.open_periods(spending)
        begun = 0
        while claims := await ledger.begin(3, spending=spending, worker=workers[number]):
            refused = claims[1:] if number % 2 else []
            await ledger.store.record(
                [Verdict(m.id, m.lease, "refused", S.REJECTED, code="R")
                 for claim in refused for m in claim.members], "test",
            )  # fmt: skip
            begun += len(claims) - len(refused)
        return begun

    begun = sum(await asyncio.gather(*(work(number) for number in range(10))))
    while claims := await ledger.begin(spending=shared[0]):  # what refusals freed at the very end
        begun += len(claims)
    assert begun == min(41, 100 - (await ledger.states()).get(S.REJECTED, 0))
    assert await bound(ledger, shared[0], "month") == Decimal("0.5") * begun
    await ledger.check()
