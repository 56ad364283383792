"""Amounts as money: with two decimals, or as many as the smallest price needs."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

_CENTS = 2


def decimals(prices: Iterable[Decimal]) -> int:
    """Return how many decimals amounts at ``prices`` have: ``0.05`` needs two, ``0.0005`` four."""
    return max([_CENTS, *map(_decimals_of, prices)])


def _decimals_of(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def as_money(amount: Decimal, prices: Iterable[Decimal], rounding: str = ROUND_HALF_UP) -> Decimal:
    """Return ``amount`` with the decimals that ``prices`` need."""
    return round_to(amount, decimals(prices), rounding)


def round_to(amount: Decimal, places: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Return ``amount`` with ``places`` decimals."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding)


def exact(amount: Decimal) -> str:
    """Write an amount to the cent at least, and as exactly as it is known: ``1234.50``."""
    return f"{amount:.{decimals([amount])}f}"
