"""Lines that stand on several pages: costs, budgets, existing jobs, unknown words, holds.

From plain facts, as runs keep them: amounts in decimal text.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from batch.core.budget import NEARLY_USED
from batch.core.money import decimals
from batch.ledger.operators import Hold


def cost_lines(costs: Mapping[str, Any] | None) -> Iterator[str]:
    """Show costs (:class:`batch.core.pricing.Costs`): what is charged, and what may still be."""
    if costs is None:
        return
    for cost in costs["by_currency"]:
        yield f"charged  {money(cost['charged'])} {cost['currency']}, for jobs that succeeded"
        if Decimal(cost["reserved"]):
            yield f"reserved {money(cost['reserved'])} {cost['currency']}, at most, for open ones"
    unpriced = costs.get("unpriced", 0)  # a night of an earlier program has none
    if unpriced:
        yield (
            f"{unpriced:,} {submissions(unpriced)} of unknown cost, sent while there was no price: "
            "set prices for the next ones"
        )
    if lengthless := costs["unknown"] - unpriced:
        yield (
            f"{lengthless:,} {submissions(lengthless)} of unknown cost, for the length is not "
            "known: nightly asks the cloud for it"
        )


def budget_lines(uses: Sequence[Mapping[str, Any]], currency: str) -> Iterator[str]:
    """Show every budget in force, or that there is none."""
    if not uses:
        yield "no budget: nothing limits what may be spent"
    for use in uses:
        yield _budget_line(use, currency)


def _budget_line(use: Mapping[str, Any], currency: str) -> str:
    """Show how far a budget (:class:`batch.core.budget.BudgetUse`) is used."""
    spent, limit = Decimal(use["spent"]), Decimal(use["limit"])
    warning = " - NEARLY USED" if spent >= NEARLY_USED * limit else ""
    return (
        f"budget of the {use['period']} {money(limit)} {currency}: "
        f"{money(spent)} charged or reserved{warning}"
    )


def money(amount: object) -> str:
    """Write an amount with two decimals, or as many as it has, and thousands: ``1,234.50``."""
    exactly = Decimal(str(amount))
    return f"{exactly:,.{decimals([exactly])}f}"


def existing_lines(runs: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """Show the results of looking for existing jobs (``ExistingSummary``), of all runs together."""
    looked = [one for one in runs if one]

    def total(name: str) -> int:
        return sum(one[name] for one in looked)

    if adopted := total("adopted"):
        yield f"  there before {adopted:>9,}  jobs adopted, nothing paid{_saving(looked)}"
    if put_off := total("put_off"):
        yield f"  put off      {put_off:>9,}  for a job that still runs, or a look that failed"
    if failed := total("failed"):
        yield f"  not seen     {failed:>9,}  media whose jobs could not be looked up"
    for why in dict.fromkeys(one["gave_up"] for one in looked if one["gave_up"]):
        yield f"  no more looks for existing jobs were taken, and the rest was sent without: {why}"


def _saving(looked: Sequence[Mapping[str, Any]]) -> str:
    saved = [Decimal(str(one["saved"])) for one in looked if one["saved"] is not None]
    return f", about {money(sum(saved))} {looked[0]['currency']} saved" if saved else ""


def word_lines(words: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Show each word with its field, how often, and where it was seen last."""
    for word in words:
        yield (
            f"unknown word of the cloud: {word['action']} {word['field']} {word['word']!r}, "
            f"{word['times']:,} times, last for {word['example']}"
        )


def hold_line(hold: Hold) -> str:
    """Show one open hold, and how to let it go."""
    return f"{hold_reason(hold)}; let go with: {resume_command(hold)}"


def hold_reason(hold: Hold) -> str:
    """Say what is held, since when, by whom and why."""
    what = {"target": "the whole target", "batch": f"batch {hold.batch_id}"}.get(
        hold.scope, "single submissions"
    )
    return (
        f"held: {what}, {hold.rows:,} {submissions(hold.rows)}, since {at(hold.held_at)} by "
        f"{hold.held_by} ({hold.reason})"
    )


def resume_command(hold: Hold) -> str:
    """Return the command that lets a hold go."""
    words = {"target": "--all", "batch": f"--batch {hold.batch_id}"}
    return f"vod-batch resume {words.get(hold.scope, 'MEDIA_ID, or as they were selected')}"


def submissions(count: int) -> str:
    """Return the noun that goes with ``count``."""
    return "submission" if count == 1 else "submissions"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun, which takes an s: ``1,200 looks``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def at(moment: datetime) -> str:
    """Write a UTC moment to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
