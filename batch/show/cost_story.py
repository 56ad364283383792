"""What each submission has cost: a part of a media's story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal
from uuid import UUID

import asyncpg

from batch.core.money import as_money
from batch.core.states import State
from batch.ledger.database import Database


@dataclass(frozen=True, slots=True)
class StoryCost:
    """What a submission was begun for: ``price`` of a minute, length in seconds, their ``amount``.

    ``bound`` says in words what its state makes of the amount.
    """

    currency: str | None
    price: Decimal | None
    seconds: Decimal | None
    amount: Decimal | None
    run_id: UUID
    spent_on: date
    bound: str


async def story_costs(database: Database, submissions: Sequence[int]) -> dict[int, StoryCost]:
    """Return what each of these submissions has cost that was ever begun."""
    rows = await database.fetch("story_costs", list(submissions))
    return {row["id"]: _cost(row) for row in rows}


def _cost(row: asyncpg.Record) -> StoryCost:
    price, amount = row["price"], row["amount"]
    if price is not None:
        amount = None if amount is None else as_money(amount, [price], ROUND_UP)
        price = as_money(price, [price])
    return StoryCost(
        row["currency"], price, row["seconds"], amount, row["run_id"], row["spent_on"],
        _bound(State(row["state"]), amount, row["currency"]),
    )  # fmt: skip


def _bound(state: State, known: Decimal | None, currency: str | None) -> str:
    """Say in words what the state makes of the amount."""
    amount = "an unknown amount" if known is None else f"{known:f} {currency}"
    match state:
        case State.SUCCEEDED:
            return f"{amount} charged"
        case State.SUBMITTING | State.IN_DOUBT | State.SUBMITTED:
            return f"{amount} reserved"
        case State.FAILED:
            return "free, because its job failed"
        case _:
            return "free, because no job was made"
