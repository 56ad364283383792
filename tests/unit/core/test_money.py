"""Amounts as money: as many decimals as the smallest price needs, and never fewer than two."""

from decimal import Decimal
from uuid import UUID

import pytest

from batch.core.budget import BudgetUse, Spending
from batch.core.models import JobType
from batch.core.money import as_money, exact
from batch.core.pricing import (
    CostPart,
    PriceList,
    TypeAmount,
    add_up,
    cost_range,
)
from batch.show.text.parts import money

DNA = JobType.MEDIA_DNA


@pytest.mark.parametrize(
    ("amount", "prices", "told"),
    [
        ("36.0000000000000000", ["0.05"], "36.00"),
        ("36", [], "36.00"),
        ("0.500833", ["0.05"], "0.50"),
        ("0.0123", ["0.05", "0.0005"], "0.0123"),
        ("1.5", ["0.0500"], "1.50"),
        ("1000", ["3E+1"], "1000.00"),
    ],
)
def test_an_amount_has_the_decimals_that_its_prices_need(
    amount: str, prices: list[str], told: str
) -> None:
    """What the database divides comes with sixteen; nobody is shown them."""
    assert str(as_money(Decimal(amount), map(Decimal, prices))) == told


@pytest.mark.parametrize(
    ("amount", "told", "shown"),
    [
        ("1234.5", "1234.50", "1,234.50"),
        ("0.500833", "0.500833", "0.500833"),
        ("2E+3", "2000.00", "2,000.00"),
        ("36.0000000000000000", "36.00", "36.00"),
    ],
)
def test_text_shows_cents_at_least(amount: str, told: str, shown: str) -> None:
    """Also what an earlier program has written down with sixteen decimals."""
    assert exact(Decimal(amount)) == told
    assert money(amount) == shown


def test_what_is_reserved_is_never_shown_as_less() -> None:
    """A cent that is not whole is rounded up, in sums and in a budget's use."""
    part = CostPart("CNY", DNA, Decimal("0.05"), Decimal(0), 0, Decimal("0.5008330000"), 0)
    (cost,) = add_up([part]).by_currency
    assert str(cost.reserved) == "0.51"
    prices = PriceList("CNY", {DNA: Decimal("0.05")})
    use = BudgetUse("run", Decimal("2.5"), Decimal("0.500833")).in_money(prices)
    assert (str(use.limit), str(use.spent)) == ("2.50", "0.51")


def test_a_cost_without_a_price_is_told_from_one_without_a_length() -> None:
    """So that nobody is asked for prices that are set."""
    parts = [
        CostPart(None, DNA, None, Decimal(600), 3, Decimal(0), 1),
        CostPart("CNY", DNA, Decimal("0.05"), Decimal(0), 5, Decimal(0), 0),
    ]
    costs = add_up(parts)
    assert (costs.unknown, costs.unpriced) == (9, 4)


def test_a_plan_is_in_money() -> None:
    """Its three sums have the same decimals."""
    amounts = [TypeAmount(DNA, 3, 1, Decimal(1201), Decimal(700))]
    cost = cost_range(amounts, PriceList("CNY", {DNA: Decimal("0.05")}), Decimal(7200))
    assert [str(cost.low), str(cost.expected), str(cost.worst)] == ["1.00", "1.50", "7.01"]


def test_arguments_of_statements_stay_exact() -> None:
    """What is held against a budget is no money that is shown."""
    spending = Spending(UUID(int=0), PriceList("CNY", {DNA: Decimal("0.00005")}), None, "UTC")
    assert spending.price_arguments[1] == '{"AIMediaDNA": "0.00005"}'
