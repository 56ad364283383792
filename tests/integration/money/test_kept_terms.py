"""Prices and budgets that a run was told, kept with the target for runs that are not told any."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.console import Console
from tests.support.ledger import Ledger, media, write_csv

FILE = """
budget_month = "1.20"
longest = "10m"
[prices]
AIMediaDNA = "0.05"
"""
"""Two submissions of half a yuan fit into it."""


@pytest.fixture
def told(console: Console, tmp_path: Path) -> Console:
    """A console whose folder holds a settings file, with ten submissions due."""
    (console.home / "vod-batch.toml").write_text(FILE, encoding="utf-8")
    write_csv(console.home / "list.csv", map(media, range(10)))
    told = console.having(VOD_BATCH_HOME=tmp_path / "state", VOD_BATCH_SKIP_EXISTING="never")
    told.run("load", "list.csv")
    return told


@pytest.fixture
def elsewhere(told: Console, tmp_path: Path) -> Console:
    """The same, from a folder and a home without a settings file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return replace(told, home=folder)


def _summary(console: Console, *words: str, code: int | None = 5) -> dict[str, Any]:
    return dict(json.loads(console.run("submit", *words, "--json", code=code).stdout))


def _submitted(summary: dict[str, Any]) -> int:
    return int(summary["states"].get("submitted", 0))


async def _kept(ledger: Ledger) -> dict[str, Any]:
    kept = await ledger.sql.fetchval("SELECT terms FROM targets")
    return dict(json.loads(kept)) if kept else {}


def test_a_budget_of_a_file_holds_for_a_run_from_another_folder(
    told: Console, elsewhere: Console
) -> None:
    """What the first run was told bounds the second, which finds no file."""
    assert _submitted(_summary(told)) == 2
    again = _summary(elsewhere)
    assert _submitted(again) == 0
    (use,) = again["budgets"]
    assert use == {"period": "month", "limit": "1.20", "spent": "1.00"}
    assert again["currency"] == "CNY"


async def test_a_run_keeps_what_a_file_and_a_variable_say(
    told: Console, elsewhere: Console, ledger: Ledger
) -> None:
    """And a look keeps nothing; what is said anew stands in the place of what was kept."""
    told.run("plan")
    assert await _kept(ledger) == {}
    told.run("submit", code=5)
    assert await _kept(ledger) == {
        "prices": {"AIMediaDNA": "0.05"},
        "currency": "CNY",
        "budget_month": "1.20",
        "longest": "600.000s",
    }
    raised = elsewhere.having(VOD_BATCH_BUDGET_MONTH="2.00", VOD_BATCH_BUDGET_DAY="1.75")
    assert _submitted(_summary(raised)) == 1
    kept = await _kept(ledger)
    assert (kept["budget_month"], kept["budget_day"]) == ("2.00", "1.75")
    assert kept["prices"] == {"AIMediaDNA": "0.05"}


async def test_a_flag_holds_for_its_run_only(
    told: Console, elsewhere: Console, ledger: Ledger
) -> None:
    """It is stronger than what is kept, and is not kept."""
    assert _submitted(_summary(told, "--budget", "0.50")) == 1
    assert "budget" not in await _kept(ledger)
    assert _submitted(_summary(elsewhere, "--budget-month", "1.60")) == 2
    assert (await _kept(ledger))["budget_month"] == "1.20"
    assert _submitted(_summary(elsewhere)) == 0


async def test_none_takes_away_what_was_kept(
    told: Console, elsewhere: Console, ledger: Ledger
) -> None:
    """By flag, variable or file; prices too. All is then as if nothing had been said."""
    told.having(VOD_BATCH_BUDGET="0.60").run("submit", code=5)
    assert {"budget", "budget_month"} <= (await _kept(ledger)).keys()
    ended = elsewhere.run("submit", "--budget", "none", "--budget-month", "none")
    assert "  no budget: nothing limits what may be spent\n" in ended.stdout
    assert not {"budget", "budget_month"} & (await _kept(ledger)).keys()
    elsewhere.having(VOD_BATCH_PRICES="none", VOD_BATCH_LONGEST="none").run("submit")
    assert await _kept(ledger) == {}


def test_a_budget_without_prices_says_what_to_do(told: Console, elsewhere: Console) -> None:
    """Those that are kept count; with none at all nothing is sent and nothing is kept."""
    ended = elsewhere.run("submit", "--budget", "5", code=78)
    assert "prices: a budget is set, and there are none: set them in vod-batch.toml" in ended.stderr
    assert "or take budget away by setting it to none" in ended.stderr
    told.run("submit", code=5)
    (use, _) = _summary(elsewhere, "--budget", "0.00")["budgets"]
    assert use == {"period": "run", "limit": "0.00", "spent": "0.00"}
    ended = elsewhere.having(VOD_BATCH_PRICES="none").run("submit", code=78)
    assert "or take budget_month away by setting it to none" in ended.stderr


def test_prices_that_are_kept_keep_their_currency(told: Console, elsewhere: Console) -> None:
    """A currency without prices would make other prices of them."""
    told.having(VOD_BATCH_CURRENCY="USD").run("submit", code=5)
    assert _summary(elsewhere)["currency"] == "USD"
    ended = elsewhere.having(VOD_BATCH_CURRENCY="EUR").run("submit", code=78)
    assert "the prices that the target has kept are in USD; set prices too" in ended.stderr
    assert "1.20 USD" in elsewhere.run("plan").stdout


def test_a_plan_says_the_budget_in_force(told: Console, elsewhere: Console) -> None:
    """Or that there is none, in text and as facts."""
    assert "no budget" in elsewhere.run("plan").stdout
    assert json.loads(elsewhere.run("plan", "--json").stdout)["budgets"] == []
    told.run("submit", code=5)
    line = "budget of the month 1.20 CNY: 1.00 charged or reserved - NEARLY USED"
    assert line in elsewhere.run("plan").stdout
    assert line in elsewhere.run("submit", code=5).stdout
    (use,) = json.loads(elsewhere.run("plan", "--json").stdout)["budgets"]
    assert use["limit"] == "1.20"


async def test_what_nobody_can_read_stops_a_run(
    told: Console, elsewhere: Console, ledger: Ledger
) -> None:
    """A newer program's words are no reason to spend without a budget."""
    told.run("submit", code=5)
    await ledger.sql.execute("""UPDATE targets SET terms = terms || '{"budget_month": "much"}'""")
    ended = elsewhere.run("submit", code=78)
    assert "cannot be read" in ended.stderr
    told.run("submit", code=5)
    await ledger.sql.execute("""UPDATE targets SET terms = terms || '{"budget_year": "9"}'""")
    assert "cannot be read" in elsewhere.run("submit", code=78).stderr


def test_the_doctor_says_what_is_kept(told: Console, elsewhere: Console) -> None:
    """Beside the file in force."""
    told.run("submit", code=5)
    told_by = elsewhere.run("doctor", code=None).stdout
    assert "budget_month 1.20 CNY, AIMediaDNA 0.05 a minute" in told_by
    assert "kept with the target: prices, currency, budget_month, longest" in told_by
