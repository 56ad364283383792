"""What was paid for already, in lines of text: from plain facts, as runs keep them."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any


def existing_lines(runs: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """Tell what looks for existing jobs (``ExistingSummary``) came to in all runs together."""
    told = [one for one in runs if one]

    def total(name: str) -> int:
        return sum(one[name] for one in told)

    if adopted := total("adopted"):
        yield f"  there before {adopted:>9,}  jobs adopted, nothing paid{_saving(told)}"
    if put_off := total("put_off"):
        yield f"  put off      {put_off:>9,}  for a job that still runs, or a look that failed"
    if failed := total("failed"):
        yield f"  not seen     {failed:>9,}  media whose jobs could not be looked up"
    for why in dict.fromkeys(one["gave_up"] for one in told if one["gave_up"]):
        yield f"  no more looks for existing jobs were taken, and the rest was sent without: {why}"


def _saving(told: Sequence[Mapping[str, Any]]) -> str:
    saved = [Decimal(str(one["saved"])) for one in told if one["saved"] is not None]
    return f", about {sum(saved):,.2f} {told[0]['currency']} saved" if saved else ""
