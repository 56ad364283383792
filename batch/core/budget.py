"""What may be spent: budgets per run, day and month, and how far each of them is used."""

import json
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from uuid import UUID

from batch.core.money import as_money
from batch.core.pricing import PriceList

NEARLY_USED = Decimal("0.8")
"""The share of a budget from which on it is warned of."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """The most that a run, a day and a month may cost; ``None`` is no limit.

    Days and months are those of a time zone (:class:`Spending`).
    """

    run: Decimal | None = None
    day: Decimal | None = None
    month: Decimal | None = None

    @property
    def are_set(self) -> bool:
        """Whether anything is limited."""
        return (self.run, self.day, self.month) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run's intents are priced by, and the budgets that bound them.

    ``longest`` is the seconds to allow for a media of unknown length; without it such a media is
    not sent under a budget. ``zone`` names the time zone of its days.
    """

    run: UUID
    prices: PriceList
    longest: Decimal | None
    zone: str
    budgets: Budgets = Budgets()

    @property
    def price_arguments(self) -> tuple[object, ...]:
        """What the statements take that write prices: currency, prices, longest, run, zone."""
        prices = {name.value: str(price) for name, price in self.prices.per_minute.items()}
        return (self.prices.currency, json.dumps(prices), self.longest, self.run, self.zone)

    @property
    def budget_arguments(self) -> tuple[Decimal | None, ...]:
        """What the statements take that hold budgets: of the run, the day, the month."""
        return (self.budgets.run, self.budgets.day, self.budgets.month)


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How far a budget is used: ``spent`` is charged or reserved, in its currency."""

    period: str
    limit: Decimal
    spent: Decimal

    @property
    def is_nearly_used(self) -> bool:
        """Whether to warn of it."""
        return self.spent >= NEARLY_USED * self.limit

    @property
    def left(self) -> Decimal:
        """What may still be reserved."""
        return max(Decimal(0), self.limit - self.spent)

    def in_money(self, prices: PriceList) -> "BudgetUse":
        """Return it as it is shown: with the decimals that ``prices`` need, never too little."""
        return BudgetUse(
            self.period,
            as_money(self.limit, (self.limit, *prices.per_minute.values())),
            prices.money(self.spent, ROUND_UP),
        )


@dataclass(frozen=True, slots=True)
class NextCost:
    """What the next due submission may cost; ``amount`` is ``None`` when nobody can say.

    ``price`` is of a minute, ``None`` when its type has none.
    """

    media_id: str
    job_type: str
    price: Decimal | None
    amount: Decimal | None
