"""The worker's eye on its budgets: a warning while they last, the reason once they do not."""

from decimal import Decimal

import structlog

from batch.core.budget import BudgetUse, NextCost
from batch.engine.ledger_link import LedgerLink
from batch.errors import ConfigurationError

log = structlog.get_logger()


class BudgetWatch:
    """Asks the ledger how far the budgets of one run are used."""

    def __init__(self, ledger: LedgerLink) -> None:
        self._ledger = ledger
        self._warned: set[str] = set()

    async def warn(self) -> None:
        """Say once a run that a budget is nearly used."""
        for use in await self._ledger.glance_at_budgets():
            if use.is_nearly_used and use.period not in self._warned:
                self._warned.add(use.period)
                log.warning(
                    "budget_nearly_used",
                    budget=use.period,
                    spent=str(use.spent),
                    limit=str(use.limit),
                )

    async def obstacle(self) -> str | None:
        """Say why the budgets let nothing more be begun; ``None`` when they are not the reason.

        Raises:
            ConfigurationError: the next submission's type has no price, so no budget can be held.
        """
        if not self._ledger.has_budget:
            return None
        await self._ledger.open_periods()  # a new day may have begun
        due = await self._ledger.next_cost()
        if due is None:
            return None
        if due.price is None:
            raise ConfigurationError(
                f"a budget is set, and {due.job_type} has no price: set prices in vod-batch.toml, "
                f'such as {due.job_type} = "0.05"'
            )
        tightest = min(await self._ledger.budget_uses(), key=lambda use: use.left)
        return _obstacle(due, tightest)


def _obstacle(due: NextCost, tightest: BudgetUse) -> str | None:
    if due.amount is None:
        return (
            f"how long the next one, {due.media_id}, is nobody knows: set longest, or let nightly "
            "look it up"
        )
    if due.amount <= tightest.left:
        return None
    return (
        f"the next one, {due.media_id} ({due.job_type}), may cost {_money(due.amount)}; "
        f"{_money(tightest.left)} is left of the {tightest.period}'s {_money(tightest.limit)}"
    )


def _money(amount: Decimal) -> str:
    """Show an amount to the cent at least, and as exactly as it is known."""
    cents = amount.quantize(Decimal("0.01"))
    return f"{cents if cents == amount else amount.normalize():f}"
