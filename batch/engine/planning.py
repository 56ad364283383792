"""What a submit would send and cost; no call is made."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from batch.core.models import JobType, Target
from batch.core.pricing import CostRange, PriceList, TypeAmount, cost_range
from batch.ledger.database import Database


@dataclass(frozen=True, slots=True)
class Plan:
    """Due work of a target. ``seconds`` is how long it takes at ``rate`` calls a second.

    ``hash`` changes when any due row comes, goes or is begun: what was looked at is what is sent.
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


async def make_plan(
    database: Database, target: Target, prices: PriceList, *, rate: float, longest: Decimal | None
) -> Plan:
    """Read the plan of a target; ``rate`` in calls a second, ``longest`` in seconds."""
    rows = await database.fetch("plan", target.id)
    counted = await database.fetch_row("count_requests", target.id)
    past = await database.fetch_row("sum_duplicates", target.id)
    assert counted is not None
    assert past is not None
    amounts = [
        TypeAmount(
            JobType(row["job_type"]), row["rows"], row["unknown"], row["seconds"], row["longest"]
        )
        for row in rows
    ]
    marks = "/".join(f"{row['job_type']}:{row['rows']}:{row['mark']}" for row in rows)
    text = f"{target.account}/{target.region}/{marks}"
    return Plan(
        hash=hashlib.sha256(text.encode()).hexdigest()[:12],
        rows={row["job_type"]: row["rows"] for row in rows},
        requests=counted["requests"],
        rate=rate,
        seconds=counted["requests"] / rate,
        duplicates=past["duplicates"],
        done=past["done"],
        currency=prices.currency,
        cost=cost_range(amounts, prices, longest),
    )
