"""What jobs cost: a price per minute by type and region (``vod-api.md`` 1.6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Decimal

from batch.core.models import JobType
from batch.core.money import as_money, decimals, round_to

_MINUTE = Decimal(60)


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of one region, per minute of media, in ``currency``; a type without one is unknown."""

    currency: str
    per_minute: Mapping[JobType, Decimal]

    def estimate(self, job_type: JobType, seconds: Decimal) -> Decimal | None:
        """Return what ``seconds`` of media may cost; ``None`` without a price, never zero."""
        price = self.per_minute.get(job_type)
        return None if price is None else price * seconds / _MINUTE

    def charge(self, job_type: JobType, seconds: Decimal) -> Decimal | None:
        """Return the charge for the sum of ``seconds``: whole minutes, the rest is free."""
        price = self.per_minute.get(job_type)
        if price is None:
            return None
        return price * (seconds / _MINUTE).to_integral_value(ROUND_FLOOR)

    def money(self, amount: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
        """Return ``amount`` with two decimals, or as many as the smallest of the prices needs."""
        return as_money(amount, self.per_minute.values(), rounding)


@dataclass(frozen=True, slots=True)
class TypeAmount:
    """Due rows of one type: how many, how many of unknown length, and the known seconds."""

    job_type: JobType
    rows: int
    unknown: int
    seconds: Decimal
    longest: Decimal | None


@dataclass(frozen=True, slots=True)
class CostRange:
    """What due rows may cost; ``None`` where it cannot be known.

    ``low`` counts the known lengths alone, ``expected`` takes the unknown ones for the mean of the
    known, ``worst`` for the longest that is allowed for.
    """

    low: Decimal | None
    expected: Decimal | None
    worst: Decimal | None
    unknown: int


def cost_range(amounts: list[TypeAmount], prices: PriceList, longest: Decimal | None) -> CostRange:
    """Return the range for all types; ``longest`` is the seconds to allow for an unknown length."""
    low: Decimal | None = Decimal(0)
    expected: Decimal | None = Decimal(0)
    worst: Decimal | None = Decimal(0)
    for amount in amounts:
        known = amount.rows - amount.unknown
        mean = amount.seconds / known if known else None
        low = _add(low, prices.estimate(amount.job_type, amount.seconds))
        expected = _add(expected, _with_unknown(amount, mean, prices))
        worst = _add(worst, _with_unknown(amount, longest, prices))
    if amounts and not any(amount.rows - amount.unknown for amount in amounts):
        low = None  # nothing is known: a zero would read as free
    return CostRange(
        _money(low, prices),
        _money(expected, prices),
        _money(worst, prices, ROUND_UP),
        sum(amount.unknown for amount in amounts),
    )


def _money(
    amount: Decimal | None, prices: PriceList, rounding: str = ROUND_HALF_UP
) -> Decimal | None:
    return None if amount is None else prices.money(amount, rounding)


def _with_unknown(amount: TypeAmount, each: Decimal | None, prices: PriceList) -> Decimal | None:
    if amount.unknown and each is None:
        return None
    seconds = amount.seconds + amount.unknown * (each or Decimal(0))
    return prices.estimate(amount.job_type, seconds)


def _add(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else left + right


@dataclass(frozen=True, slots=True)
class CostPart:
    """Submissions of one type at one price, as far as they cost anything.

    ``charged_seconds`` of jobs that succeeded; ``reserved`` for what is open; ``unknown`` counts
    what succeeded at no known price or length, ``unbounded`` what is open and may cost anything.
    """

    currency: str | None
    job_type: JobType
    price: Decimal | None
    charged_seconds: Decimal
    unknown: int
    reserved: Decimal
    unbounded: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What was charged, and what may still be, in one currency."""

    currency: str
    charged: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs by currency; ``unknown`` counts the submissions that are in none of the sums.

    Of those, ``unpriced`` were begun while no price was set; of the others no length is known.
    """

    by_currency: tuple[Cost, ...] = ()
    unknown: int = 0
    unpriced: int = 0


def add_up(parts: Iterable[CostPart]) -> Costs:
    """Return the costs of all parts: whole minutes of each type at each price are charged.

    What is reserved is rounded up: it is never shown as less than it is.
    """
    charged: dict[str, Decimal] = {}
    reserved: dict[str, Decimal] = {}
    places: dict[str, int] = {}
    unknown = unpriced = 0
    for part in parts:
        unknown += part.unknown + part.unbounded
        if part.price is None:
            unpriced += part.unknown + part.unbounded
        if part.currency is None or part.price is None:
            continue
        currency = part.currency
        bill = PriceList(currency, {part.job_type: part.price})
        minutes = bill.charge(part.job_type, part.charged_seconds) or Decimal(0)
        charged[currency] = charged.get(currency, Decimal(0)) + minutes
        reserved[currency] = reserved.get(currency, Decimal(0)) + part.reserved
        places[currency] = max(places.get(currency, 0), decimals([part.price]))
    sums = tuple(
        Cost(
            name,
            round_to(charged[name], most),
            round_to(reserved[name], most, ROUND_UP),
        )
        for name, most in places.items()
    )
    return Costs(sums, unknown, unpriced)
