"""A ledger on whose line an answer is lost, and what owners of statements do there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from batch.core.budget import Budgets, Spending
from batch.core.models import Claim, Worker
from batch.core.pricing import PriceList
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.database import Database
from batch.ledger.operators import Selection
from batch.ledger.store import Store
from tests.support.ledger import DNA, Ledger, utc_now

WORKER = UUID(int=1)
RUN = UUID(int=2)
BOTH = Selection()
PRICED = Spending(
    RUN, PriceList("CNY", {DNA: Decimal("0.1")}), Decimal(60), "UTC", Budgets(run=Decimal(9))
)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A ledger to prepare, and the line to it on which an answer is lost."""

    ledger: Ledger
    database: Database
    home: Path

    @property
    def store(self) -> Store:
        """The worker's side, over the line."""
        return Store(self.database, self.ledger.store.target)

    def of(self, kind: Callable[..., Any]) -> Any:
        """Return one of the target's tables, over the line."""
        return kind(self.database, self.ledger.store.target)

    async def claim(self, *numbers: int) -> list[Claim]:
        """Add media and begin them; their nonces are the same in every world."""
        await self.ledger.add(numbers)
        await self.ledger.store.beat(Worker(WORKER, "here", 1))
        await self.ledger.store.open_periods(PRICED)
        nonces = [f"{number:032x}" for number in numbers]
        return await self.ledger.store.begin(
            WORKER, nonces, utc_now(), most_rows=9, spending=PRICED, access_key_id="key"
        )

    async def doubts(self, *numbers: int) -> list[Claim]:
        """Begin media, and leave them in doubt."""
        claims = await self.claim(*numbers)
        verdicts = [Verdict(m.id, m.lease, "in_doubt", State.IN_DOUBT) for c in claims
                    for m in c.members]  # fmt: skip
        await self.ledger.store.record(verdicts, "test")
        return claims


Act = Callable[[], Awaitable[object]]
Case = Callable[[World], Awaitable[Act]]


class Cases(dict[str, Case]):
    """By statement: prepares a world, and returns what the owner then does."""

    def of(self, *names: str) -> Callable[[Case], Case]:
        """Let a case be that of these statements."""

        def keep(case: Case) -> Case:
            self.update(dict.fromkeys(names, case))
            return case

        return keep
