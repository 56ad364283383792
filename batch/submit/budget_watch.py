"""The worker's eye on its budgets: a warning while they last, the reason once they do not."""

import contextlib

import structlog

from batch.core.budget import BudgetUse, NextCost, Spending
from batch.core.money import exact
from batch.errors import ConfigurationError, DatabaseUnavailableError
from batch.ledger.connecting.waits import at_once
from batch.ledger.store import Store
from batch.submit.claiming import BeginRules

log = structlog.get_logger()


class BudgetWatch:
    """Asks the ledger how far the budgets of one run are used."""

    def __init__(self, store: Store, rules: BeginRules) -> None:
        self._store = store
        self._spending = rules.spending
        self._plan = rules.plan
        self._warned: set[str] = set()

    @property
    def currency(self) -> str:
        """Of the budgets and the prices."""
        return self._spending.prices.currency

    async def open_periods(self) -> None:
        """Make the rows that count budgets (:meth:`Store.open_periods`)."""
        if self._spending.budgets.are_set:
            await self._store.open_periods(self._spending)

    async def uses(self) -> list[BudgetUse]:
        """Say how far each budget is used."""
        if not self._spending.budgets.are_set:
            return []
        return await self._store.budget_uses(self._spending)

    async def shown(self) -> tuple[BudgetUse, ...]:
        """Say how far each budget is used, as money."""
        return await shown_uses(self._store, self._spending)

    async def _glance(self) -> list[BudgetUse]:
        """Say how far each budget is used, or nothing while the database is away."""
        with contextlib.suppress(DatabaseUnavailableError), at_once():
            return await self.uses()
        return []

    async def warn(self) -> None:
        """Say once a run that a budget is nearly used."""
        for use in await self._glance():
            if use.is_nearly_used and use.period not in self._warned:
                self._warned.add(use.period)
                log.warning(
                    "budget_nearly_used",
                    budget=use.period,
                    spent=exact(use.spent),
                    limit=exact(use.limit),
                )

    async def obstacle(self) -> str | None:
        """Say why the budgets let nothing more be begun; ``None`` when they are not the reason.

        Raises:
            ConfigurationError: the next submission's type has no price, so no budget can be kept.
        """
        if not self._spending.budgets.are_set:
            return None
        await self.open_periods()  # a new day may have begun
        due = await self._store.next_cost(self._spending, self._plan)
        if due is None:
            return None
        if due.price is None:
            raise ConfigurationError(
                f"a budget is set, and {due.job_type} has no price: set prices in vod-batch.toml, "
                f'such as {due.job_type} = "0.05"'
            )
        tightest = min(await self.uses(), key=lambda use: use.left)
        return _obstacle(due, tightest)


async def shown_uses(store: Store, spending: Spending) -> tuple[BudgetUse, ...]:
    """Return how far each budget in force is used, as money; none where there is no budget."""
    if not spending.budgets.are_set:
        return ()
    return tuple(use.in_money(spending.prices) for use in await store.budget_uses(spending))


def _obstacle(due: NextCost, tightest: BudgetUse) -> str | None:
    if due.amount is None:
        return (
            f"how long the next one, {due.media_id}, is nobody knows: set longest, or let nightly "
            "look it up"
        )
    if due.amount <= tightest.left:
        return None
    return (
        f"the next one, {due.media_id} ({due.job_type}), may cost {exact(due.amount)}; "
        f"{exact(tightest.left)} is left of the {tightest.period}'s {exact(tightest.limit)}"
    )
