"""What each submission has cost: a part of a media's story."""

from collections.abc import Sequence

import asyncpg

from batch.core.states import State
from batch.ledger.database import Database
from batch.show.story import Section


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
