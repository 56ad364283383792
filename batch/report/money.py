"""How costs and budgets read: from plain facts, as runs keep them, amounts in decimal text."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import asyncpg

from batch.core.budget import NEARLY_USED
from batch.core.states import State
from batch.ledger.database import Database
from batch.report.story import Section


def cost_lines(costs: Mapping[str, Any] | None) -> Iterator[str]:
    """Tell costs (:class:`batch.core.pricing.Costs`): what is charged, and what may still be."""
    if costs is None:
        return
    for cost in costs["by_currency"]:
        yield f"charged  {_money(cost['charged'])} {cost['currency']}, for jobs that succeeded"
        if Decimal(cost["reserved"]):
            yield f"reserved {_money(cost['reserved'])} {cost['currency']}, at most, for open ones"
    if costs["unknown"]:
        yield f"{costs['unknown']:,} submissions of unknown cost: set prices, look with preflight"


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


async def cost_sections(database: Database, submissions: Sequence[int]) -> dict[int, Section]:
    """Return what each of these submissions has cost, for a media's story."""
    rows = await database.fetch("story_costs", list(submissions))
    return {row["id"]: _section(row) for row in rows}


def _section(row: asyncpg.Record) -> Section:
    length = "of unknown length" if row["seconds"] is None else f"of {row['seconds'] / 60:,.2f} min"
    price = "no price" if row["price"] is None else f"{row['price']} {row['currency']} a minute"
    lines = (
        f"{_bound(row)}: {length}, {price}",
        f"begun on {row['spent_on']} by run {row['run_id']}",
    )
    data = {name: None if row[name] is None else str(row[name]) for name in _TOLD}
    return Section("cost", lines, {**data, "bound": _bound(row)})


_TOLD = ("currency", "price", "seconds", "amount", "run_id", "spent_on")


def _bound(row: asyncpg.Record) -> str:
    """Say in words what the state makes of the amount."""
    amount = (
        "an unknown amount" if row["amount"] is None else f"{row['amount']:f} {row['currency']}"
    )
    match State(row["state"]):
        case State.SUCCEEDED:
            return f"{amount} charged"
        case State.SUBMITTING | State.IN_DOUBT | State.SUBMITTED:
            return f"{amount} reserved"
        case State.FAILED:
            return "free, because its job failed"
        case _:
            return "free, because no job was made"
