"""How costs and budgets read: from plain facts, as runs keep them, amounts in decimal text."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from batch.core.budget import NEARLY_USED


def cost_lines(costs: Mapping[str, Any] | None) -> Iterator[str]:
    """Tell costs (:class:`batch.core.pricing.Costs`): what is charged, and what may still be."""
    if costs is None:
        return
    for cost in costs["by_currency"]:
        yield f"charged  {_money(cost['charged'])} {cost['currency']}, for jobs that succeeded"
        if Decimal(cost["reserved"]):
            yield f"reserved {_money(cost['reserved'])} {cost['currency']}, at most, for open ones"
    if costs["unknown"]:
        yield f"{costs['unknown']:,} submissions of unknown cost: set prices; nightly finds lengths"


def budget_line(use: Mapping[str, Any], currency: str) -> str:
    """Tell how far a budget (:class:`batch.core.budget.BudgetUse`) is used."""
    spent, limit = Decimal(use["spent"]), Decimal(use["limit"])
    warning = " - NEARLY USED" if spent >= NEARLY_USED * limit else ""
    return (
        f"budget of the {use['period']} {_money(limit)} {currency}: "
        f"{_money(spent)} charged or reserved{warning}"
    )


def _money(amount: object) -> str:
    return f"{Decimal(str(amount)):,.2f}"
