"""What a submit would send and cost; no call is made."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import asyncpg

from batch.core.budget import BudgetUse, Spending
from batch.core.models import JobType, Target
from batch.core.pricing import CostRange, PriceList, TypeAmount, cost_range
from batch.errors import UsageError
from batch.ledger.database import Database
from batch.ledger.operators import Hold, Operators
from batch.ledger.store import Store
from batch.session import Session
from batch.submit.budget_watch import shown_uses
from batch.submit.shared_pace import shared_rate

_PARTS = ("the rows that are due", "the prices", "the lengths")
"""What the parts of a plan's hash stand for, in their order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be sent now. ``seconds`` is how long it takes at ``rate`` calls a second.

    ``holds`` are open, and keep more from being sent. ``unpriced`` are types of ``rows`` without a
    price. ``budgets`` are those in force; without any there is no budget.

    ``hash`` fixes what was looked at: which rows, at what prices, of what lengths. It has a part
    for each, so that one that no longer fits says what changed.
    """

    hash: str
    rows: dict[str, int]
    requests: int
    rate: float
    seconds: float
    duplicates: int
    done: int
    currency: str
    cost: CostRange
    unpriced: tuple[str, ...] = ()
    budgets: tuple[BudgetUse, ...] = ()
    holds: tuple[Hold, ...] = ()


class Planner:
    """Reads plans of one target; ``rate`` in calls a second, ``longest`` in seconds.

    What is to be spent from says which budgets are shown.
    """

    def __init__(
        self,
        database: Database,
        target: Target,
        prices: PriceList,
        *,
        rate: float,
        longest: Decimal | None,
        spending: Spending | None = None,
    ) -> None:
        self._database = database
        self._target = target
        self._prices = prices
        self._rate = rate
        self._longest = longest
        self._spending = spending

    async def plan(self, plan: UUID | None = None) -> Plan:
        """Return the plan of what is due; of ``plan``, fixed before, the rows that still are."""
        rows = await self._database.fetch("plan", self._target.id, plan)
        past = await self._database.fetch_row("sum_duplicates", self._target.id)
        assert past is not None
        requests = rows[0]["requests"] if rows else 0
        amounts = [
            TypeAmount(
                JobType(row["job_type"]),
                row["rows"],
                row["unknown"],
                row["seconds"],
                row["longest"],
            )
            for row in rows
        ]
        counts: dict[str, int] = {row["job_type"]: row["rows"] for row in rows}
        return Plan(
            hash=self._hash(rows),
            rows=counts,
            requests=requests,
            rate=self._rate,
            seconds=requests / self._rate,
            duplicates=past["duplicates"],
            done=past["done"],
            currency=self._prices.currency,
            cost=cost_range(amounts, self._prices, self._longest),
            unpriced=tuple(name for name in counts if JobType(name) not in self._prices.per_minute),
            budgets=await self._budgets(),
            holds=tuple(await Operators(self._database, self._target).holds()),
        )

    async def _budgets(self) -> tuple[BudgetUse, ...]:
        if self._spending is None:
            return ()
        return await shown_uses(Store(self._database, self._target), self._spending)

    async def fix(self, wanted: str, plan: UUID) -> None:
        """Fix as ``plan`` the rows of the hash ``wanted``, and no other, whatever comes due later.

        The rows are fixed first and looked at after that, so that nothing comes in between.

        Raises:
            UsageError: what is due, its prices or its lengths are not that plan's.
        """
        await self._database.fetch("fix_plan", self._target.id, plan, wanted)
        found = await self.plan(plan)
        if found.hash != wanted:
            raise UsageError(
                f"what is due is no longer plan {wanted} but plan {found.hash}: "
                f"{_what_changed(wanted, found.hash)}; nothing was sent: look again with "
                "vod-batch plan"
            )

    def _hash(self, rows: Sequence[asyncpg.Record]) -> str:
        """Return the hash of :data:`_PARTS`; the prices are those of the types that are due.

        A budget is in none of them: it bounds what is sent and changes nothing of it.
        """
        marks = [f"{row['job_type']}:{row['rows']}:{row['mark']}" for row in rows]
        prices = [
            f"{row['job_type']}:{_number(self._prices.per_minute.get(row['job_type']))}"
            for row in rows
        ]
        lengths = [f"{row['job_type']}:{row['length_mark']}" for row in rows]
        return "-".join(
            (
                _digest(self._target.account, self._target.region, *marks),
                _digest(self._prices.currency, *prices),
                _digest(_number(self._longest), *lengths),
            )
        )


def planner_of(session: Session, database: Database) -> Planner:
    """Return what reads the plans of a session's target on its ``database``, or a part of that."""
    settings = session.settings
    return Planner(
        database,
        session.target,
        settings.price_list,
        rate=shared_rate(settings.qps),
        longest=settings.longest_seconds,
        spending=session.spending,
    )


def _digest(*words: str) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:8]


def _number(value: Decimal | None) -> str:
    """Write a number so that 0.5 and 0.50 are the same."""
    return "unknown" if value is None else f"{value.normalize():f}"


def _what_changed(wanted: str, found: str) -> str:
    """Name the parts that differ; a hash of another shape was never one of ours."""
    parts = wanted.split("-")
    if len(parts) != len(_PARTS):
        return "that is the hash of no plan"
    changed = [
        name
        for name, before, now in zip(_PARTS, parts, found.split("-"), strict=True)
        if before != now
    ]
    return f"{' and '.join(changed)} changed"
