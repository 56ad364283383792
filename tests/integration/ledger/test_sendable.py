"""One rule of what may be sent: everything that asks reads ``sendable``, and begin claims it."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import NamedTuple
from uuid import uuid4

from batch.core.budget import Spending
from batch.core.models import Claim, JobType
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.existing import ExistingLedger
from batch.ledger.inspection import waiting_types
from batch.ledger.media import MediaLooks
from batch.ledger.operators import Operators, Selection
from batch.ledger.statements import statement
from batch.submit.planning import Planner
from tests.support.ledger import DNA, TAG, UNPRICED, Ledger, utc_now
from tests.support.money import PRICES, held_against, set_lengths

HOLDS = ("none", "row", "batch", "batch, not marked yet")
DOUBTS = ("none", "in doubt", "being sent", "waiting for a doubt")


class Case(NamedTuple):
    """What a row has about it; beside each stands a free row of its media's other type."""

    job_type: JobType
    hold: str
    doubt: str
    """Of another submission of its media and type."""
    is_stray: bool
    is_late: bool
    has_length: bool


_EITHER = (False, True)
CASES = [Case(*one) for one in product((DNA, TAG), HOLDS, DOUBTS, _EITHER, _EITHER, _EITHER)]
FREE = {"hold": "none", "doubt": "none", "is_stray": False, "is_late": False}


def numbers(**wanted: object) -> list[int]:
    """Return the numbers of the cases that have all of ``wanted``; they name media too."""
    return [n for n, case in enumerate(CASES) if wanted.items() <= case._asdict().items()]


class World:
    """A ledger with a row of each case, put there by the product's own statements."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.operators = Operators(ledger.database, ledger.store.target)
        self.rows: dict[int, int] = {}
        """By number of the case, which is that of its media too."""
        self.free: list[int] = []

    async def build(self) -> None:
        """Make all rows: strays first, since what is held or in doubt is not begun."""
        await self._add(is_stray=True)
        await self._make_strays()
        await self._make_doubts()
        await self._add(is_stray=False)
        for job_type, other in ((DNA, TAG), (TAG, DNA)):
            self.free += await self.ledger.add(numbers(job_type=job_type), other)
        await set_lengths(self.ledger, dict.fromkeys(numbers(has_length=True), 1))
        await self._put_off()
        for hold in HOLDS[1:]:
            await self._hold(hold)
        # As a journal leaves it that knows two requests which a restored backup forgot.
        await self.ledger.sql.execute(
            "UPDATE submissions SET is_waiting = true WHERE id = ANY ($1)",
            [self.rows[n] for n in numbers(doubt=DOUBTS[3])],
        )

    async def _add(self, *, is_stray: bool) -> None:
        """Add rows, a batch for each type and hold."""
        for job_type, hold in product((DNA, TAG), HOLDS):
            of_kind = numbers(job_type=job_type, hold=hold, is_stray=is_stray)
            rows = await self.ledger.add(of_kind, job_type)
            self.rows.update(zip(of_kind, rows, strict=True))

    async def _begin(self) -> list[Claim]:
        return await self.ledger.begin(2 * len(CASES))

    async def _record(self, claims: list[Claim], outcome: str, to: State, lease: int = 0) -> None:
        await self.ledger.store.record(
            [
                Verdict(
                    m.id, lease or m.lease, outcome, to, message="said",
                    job_id=f"job-{m.id}" if to is State.SUBMITTED else None,
                )
                for claim in claims for m in claim.members
            ],
            "test",
        )  # fmt: skip

    async def _make_strays(self) -> None:
        """Two requests that were believed never sent; then the first one's answer is here."""
        await self._record(await self._begin(), "not_sent", State.PENDING)
        again = await self._begin()
        await self._record(again, "accepted", State.SUBMITTED, lease=1)
        await self._record(again, "not_sent", State.PENDING)

    async def _make_doubts(self) -> None:
        """Another campaign asks for the same media and type first."""
        for doubt in DOUBTS[1:3]:
            for job_type in (DNA, TAG):
                doubtful = numbers(job_type=job_type, doubt=doubt)
                await self.ledger.add(doubtful, job_type, campaign="before")
            claims = await self._begin()
            assert {claim.campaign for claim in claims} == {"before"}  # no stray among them
            if doubt == "in doubt":
                await self._record(claims, "in_doubt", State.IN_DOUBT)

    async def _put_off(self) -> None:
        late = {self.rows[number]: "why" for number in numbers(is_late=True)}
        existing = ExistingLedger(self.ledger.database, self.ledger.store.target)
        assert await existing.put_off(late, "Later", timedelta(hours=1), "test") == set(late)

    async def _hold(self, hold: str) -> None:
        rows = [self.rows[number] for number in numbers(hold=hold)]
        batches = await self.ledger.sql.fetch(
            "SELECT DISTINCT batch_id FROM submissions WHERE id = ANY ($1)", rows
        )
        for (batch,) in batches:
            if hold == "row":
                await self.operators.hold(Selection(batch=batch, campaign="default"), "why", "test")
            elif hold == "batch":
                await self.operators.hold_batch(batch, "why", "test")
            else:
                await self.ledger.database.fetch(
                    "hold_batch", self.ledger.store.target.id, batch, "test", "why"
                )

    def expected(self) -> set[int]:
        """What may be begun, by the cases alone."""
        return set(self.free) | {self.rows[number] for number in numbers(**FREE)}

    async def begun(self, spending: Spending = UNPRICED) -> set[int]:
        """What one begin claims, which is taken back."""
        worker, target = await self.ledger.worker(), self.ledger.store.target.id
        many = 4 * len(CASES)
        nonces = [uuid4().hex for _ in range(many)]
        transaction = self.ledger.sql.transaction()
        await transaction.start()
        try:
            rows = await self.ledger.sql.fetch(
                statement("begin"), target, many, worker, nonces, utc_now(), None, many,
                *spending.price_arguments, *spending.budget_arguments, *[None] * 5,
            )  # fmt: skip
        finally:
            await transaction.rollback()
        return {row["id"] for row in rows}

    async def sendable(self, narrowed: str = "") -> set[int]:
        """What the view shows."""
        rows = await self.ledger.sql.fetch(f"SELECT s.id FROM sendable s {narrowed}")
        return {row["id"] for row in rows}

    async def pause(self, *, is_held: bool = False, is_cooling: bool = False) -> None:
        """Hold the whole target, and let it cool down, or end that."""
        await self.operators.release_target("why", "test")
        if is_held:
            await self.operators.hold_target("why", "test")
        await self.ledger.sql.execute("UPDATE targets SET cooldown_until = NULL")
        if is_cooling:
            await self.ledger.store.start_cooldown(3600)


async def test_begin_claims_what_is_sendable_row_for_row(ledger: Ledger) -> None:
    """Over every case, with and without a hold of the target, a cooldown and a budget.

    A cooldown and a budget are no matter of a row: they keep a begin from what is sendable.
    """
    world = World(ledger)
    await world.build()
    within, beyond = held_against(run="9999"), held_against(run="0")
    for spending in (within, beyond):
        await ledger.store.open_periods(spending)
    for is_held, is_cooling in ((False, False), (True, False), (True, True), (False, True)):
        await world.pause(is_held=is_held, is_cooling=is_cooling)
        sendable = await world.sendable()
        assert sendable == (set() if is_held else world.expected())
        assert await world.begun() == (set() if is_cooling else sendable)
        known = await world.sendable("JOIN media m USING (target_id, media_id)")
        assert await world.begun(within) == (set() if is_cooling else known)
        assert await world.begun(beyond) == set()
    await ledger.check()


async def test_whoever_asks_counts_what_is_sendable(ledger: Ledger) -> None:
    """The plan and what it fixes, the outlook, the next cost, the looks before a send."""
    world = World(ledger)
    await world.build()
    database, target, store = ledger.database, ledger.store.target, ledger.store
    planner = Planner(database, target, PRICES, rate=1.0, longest=None)
    existing, looks = ExistingLedger(database, target), MediaLooks(database, target)
    for is_held in (False, True):
        await world.pause(is_held=is_held)
        sendable = await world.sendable()
        plan = await planner.plan()
        assert sum(plan.rows.values()) == len(sendable)
        pairs = 0 if is_held else len(numbers(**FREE))
        assert plan.requests == len(sendable) - pairs
        fixed = uuid4()
        await planner.fix(plan.hash, fixed)
        found = await ledger.sql.fetch(
            "SELECT s.id FROM submissions s, plans p WHERE p.id = $1 AND s.id <@ p.ids", fixed
        )
        assert {row["id"] for row in found} == sendable

        assert (await store.outlook()).is_due is not is_held
        assert (await store.outlook(fixed)).is_due is not is_held
        assert (await store.next_cost(held_against(run="1")) is None) is is_held
        assert await store.due_span() == ((min(sendable), max(sendable)) if sendable else None)
        assert await waiting_types(database, target) == ([] if is_held else [DNA, TAG])
        assert {row.id for row in await existing.next_in_line(10_000)} == sendable
        later = datetime(2100, 1, 1, tzinfo=UTC)
        seen = [one async for some in looks.unchecked(10_000, later) for one in some]
        assert len(seen) == len(sendable) - pairs
