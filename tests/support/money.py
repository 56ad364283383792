"""Prices, budgets and lengths, as tests of money want them."""

from decimal import Decimal
from uuid import UUID, uuid4

from batch.core.budget import Budgets, Spending
from batch.core.models import JobType
from batch.core.pricing import PriceList
from batch.ledger.media import Look, MediaLooks
from tests.support.ledger import Ledger, media

PRICES = PriceList("CNY", {JobType.MEDIA_DNA: Decimal("0.05"), JobType.VIDEO_TAG: Decimal("0.30")})


def held_against(
    *,
    run: str | None = None,
    day: str | None = None,
    month: str | None = None,
    longest: int | None = None,
    zone: str = "UTC",
    prices: PriceList = PRICES,
    run_id: UUID | None = None,
) -> Spending:
    """Return what a run's begins are held against; budgets in decimal text."""
    limits = [None if one is None else Decimal(one) for one in (run, day, month)]
    length = None if longest is None else Decimal(longest)
    return Spending(run_id or uuid4(), prices, length, zone, Budgets(*limits))


async def set_lengths(ledger: Ledger, minutes: dict[int, int]) -> None:
    """Let the ledger know how long media are."""
    looks = MediaLooks(ledger.database, ledger.store.target)
    await looks.record(
        [Look(media(n), "Normal", Decimal(60 * long)) for n, long in minutes.items()]
    )


async def bound(ledger: Ledger, spending: Spending, kind: str = "run") -> Decimal:
    """Return what the run, the day or the month of ``spending`` has bound, whole periods added."""
    period = f"run {spending.run}" if kind == "run" else f"{kind} %"
    amount = await ledger.sql.fetchval(
        "SELECT coalesce(sum(amount), 0) FROM spending WHERE period LIKE $1", period
    )
    return Decimal(amount)
