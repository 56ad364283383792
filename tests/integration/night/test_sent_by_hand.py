"""What was sent by hand before anybody knew how long it is: the night finds out what it costs."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.integration.night.conftest import MakeShift
from tests.support.cloud import Emulator
from tests.support.ledger import media, write_csv
from tests.support.shift import Shift

PRICES = '{"AIMediaDNA": "0.05"}'


def _sent_by_hand(make_shift: MakeShift, toml: str, numbers: range, **settings: object) -> Shift:
    """Load and submit as the README does, with a length to allow for; follow the jobs."""
    shift = make_shift(
        toml,
        VOD_BATCH_PRICES=PRICES,
        VOD_BATCH_LONGEST="2h",
        VOD_BATCH_BUDGET_MONTH="9000",
        **settings,
    )
    write_csv(shift.console.home / "list.csv", [media(n) for n in numbers])
    shift.console.run("load", "list.csv")
    shift.console.run("submit")
    shift.console.run("reconcile")
    return shift


def _costs(shift: Shift) -> dict[str, Any]:
    return dict(json.loads(shift.console.run("status", "--json").stdout)["costs"])


def test_the_lengths_of_what_was_sent_by_hand_are_looked_up(make_shift: MakeShift) -> None:
    """Until then each takes the longest from the budget, afterwards what the bill says."""
    shift = _sent_by_hand(make_shift, "[media]\nduration_seconds = 600", range(6))
    told = shift.console.run("status").stdout
    assert "6 submissions of unknown cost, for the length is not known" in told
    assert "price" not in told
    facts = shift.facts()
    assert facts["preflight"]["measured"] == 6
    assert facts["preflight"]["looked_at"] == 6
    assert _costs(shift) == {
        "by_currency": [{"currency": "CNY", "charged": "3.00", "reserved": "0.00"}],
        "unknown": 0,
        "unpriced": 0,
    }
    assert shift.emulator.meter()["cost"]["total"] == "3.00"
    assert {row["cost"] for row in shift.rows()} == {"0.50"}


def test_the_budget_of_the_month_is_given_back_what_was_allowed_for(make_shift: MakeShift) -> None:
    """Before the night sends anything, so that what is due now fits again."""
    shift = _sent_by_hand(
        make_shift, "[media]\nduration_seconds = 600", range(6)
    )  # 36.00 of the month's 9000 reserved
    shift.drop("more.csv", range(10, 12))
    told = shift.run().stdout
    assert "measured             6  submissions sent before their length was known" in told
    assert "budget of the month 9,000.00 CNY: 4.00 charged or reserved" in told
    assert shift.states() == {"succeeded": 8}


def test_nobody_says_that_prices_are_missing_where_the_cloud_tells_no_length(
    make_shift: MakeShift, start_emulator: Callable[[str], Emulator]
) -> None:
    """A media that is gone keeps what was allowed for it, and is not asked for every night."""
    shift = _sent_by_hand(make_shift, "[media]\nduration_seconds = 600", range(2))
    later = start_emulator(f'[media]\nduration_seconds = 600\nmissing = ["{media(0)}"]')
    shift = replace(shift, console=shift.console.having(VOD_BATCH_ENDPOINT=later.url))
    facts = shift.facts()
    assert facts["preflight"]["measured"] == 1
    (cost,) = _costs(shift)["by_currency"]
    assert Decimal(cost["charged"]) == Decimal("0.50")
    assert _costs(shift)["unknown"] == 1
    assert shift.facts()["preflight"]["looked_at"] == 0


def test_a_night_says_the_budget_in_force_or_that_there_is_none(make_shift: MakeShift) -> None:
    """Also a night that has nothing to send; as facts it is a list, which is empty without one."""
    shift = make_shift(VOD_BATCH_PRICES=PRICES)
    assert "  no budget: nothing limits what may be spent\n" in shift.run().stdout
    assert shift.facts()["budgets"] == []
    facts = replace(shift, console=shift.console.having(VOD_BATCH_BUDGET_MONTH="9000")).facts()
    assert facts["budgets"] == [{"period": "month", "limit": "9000.00", "spent": "0.00"}]
    told = shift.run().stdout
    assert "  budget of the month 9,000.00 CNY: 0.00 charged or reserved\n" in told
    assert "no budget" not in told
    assert told == shift.console.run("report").stdout
