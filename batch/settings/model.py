"""The settings of one command: what follows from them, and what makes them fit each other."""

import os
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import PrivateAttr, model_validator

from batch.core.budget import Budgets, Spending
from batch.core.doubt import DATE_WINDOW
from batch.core.hosts import is_loopback_host
from batch.core.models import JobType
from batch.core.pricing import PriceList
from batch.core.regions import region_host
from batch.errors import ConfigurationError
from batch.settings.fields import Fields
from batch.settings.values import is_cloud_host

SHORTEST_SETTLE = DATE_WINDOW + timedelta(minutes=1)
"""As long as a request may still be admitted, and a minute for clocks."""

_MAY_HOLD_SECRETS = {"database_url", "database_direct_url", "ping_url", "webhooks", "smtp_url"}


class UnfitError(ValueError):
    """A setting that does not fit the others; every check of the whole names the one to change."""

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(text)
        self.setting = setting


class Settings(Fields):
    """Checked, immutable settings of one command."""

    _by_flag: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def by_flag(self) -> frozenset[str]:
        """The settings that a flag has said: they hold for this command only."""
        return self._by_flag

    def said_by_flag(self, names: Iterable[str]) -> Self:
        """Return these settings, ``names`` of which a flag has said."""
        said = self.model_copy()
        said._by_flag = frozenset(names)
        return said

    def with_terms(self, terms: "Settings") -> Self:
        """Return these settings with those that ``terms`` say, in the place of their own."""
        return self.model_copy(
            update={name: getattr(terms, name) for name in terms.model_fields_set}
        )

    @property
    def url(self) -> str:
        """The endpoint in force: the override, else the region's host over TLS."""
        return self.endpoint or f"https://{region_host(self.region)}"

    @property
    def counterpart(self) -> Literal["cloud", "stand-in"]:
        """What the endpoint in force reaches: the cloud, or a stand-in for it."""
        is_cloud = self.service == "cloud" or is_cloud_host(urlsplit(self.url).hostname or "")
        return "cloud" if is_cloud else "stand-in"

    @property
    def plays_by_cloud_rules(self) -> bool:
        """Whether nothing is believed that the cloud's documents do not promise.

        A stand-in on this machine is believed without a witness, unless it plays the cloud.
        """
        return self.service == "cloud" or not is_loopback_host(urlsplit(self.url).hostname or "")

    @model_validator(mode="after")
    def _absence_waits_for_the_gateway(self) -> Self:
        """A request may be admitted for 15 minutes (``vod-api.md`` 12.2)."""
        if self.settle < SHORTEST_SETTLE and self.plays_by_cloud_rules:
            raise UnfitError("settle", "less than 16m is for a loopback endpoint only")
        return self

    @property
    def price_list(self) -> PriceList:
        """The prices of the region: its own where given, else the general ones."""
        own = self.prices.get(self.region)
        general = {k: v for k, v in self.prices.items() if isinstance(v, Decimal)}
        merged = general | (own if isinstance(own, dict) else {})
        return PriceList(self.currency, {JobType(name): price for name, price in merged.items()})

    @model_validator(mode="after")
    def _prices_name_types(self) -> Self:
        names = set(self.prices) | {
            name for own in self.prices.values() if isinstance(own, dict) for name in own
        }
        for name in names - {job_type.value for job_type in JobType}:
            if not isinstance(self.prices.get(name), dict):
                raise UnfitError("prices", f"{name!r} is neither a type nor a region with a table")
        return self

    @property
    def shown(self) -> dict[str, object]:
        """The settings as a run keeps them: without what may hold a secret."""
        return self.model_dump(mode="json", exclude=_MAY_HOLD_SECRETS)

    @property
    def budgets(self) -> Budgets:
        """What may be spent."""
        return Budgets(self.budget, self.budget_day, self.budget_month)

    @property
    def longest_seconds(self) -> Decimal | None:
        """``longest`` as prices are multiplied by it."""
        return Decimal(str(self.longest.total_seconds())) if self.longest else None

    def spending(self, run: UUID) -> Spending:
        """Return what a run's intents are priced by, and their budgets."""
        return Spending(run, self.price_list, self.longest_seconds, self.timezone, self.budgets)

    @property
    def ledger_name(self) -> str:
        """Where the ledger is, as a message may show it: without user and password."""
        if not self.database_url:
            return f"the embedded database under {self.home_path}"
        parts = urlsplit(self.database_url.get_secret_value())
        place = parts.netloc.rpartition("@")[2] or "a local server"
        return f"the database {parts.path.lstrip('/') or '(default)'} at {place}"

    @property
    def journal_path(self) -> Path:
        """The folder of the journals, absolute."""
        return _at_home(self.journal, "journal") if self.journal else self.home_path / "journal"

    @property
    def home_path(self) -> Path:
        """``home`` with ``~`` expanded, absolute.

        Raises:
            ConfigurationError: there is no ``~``: cron and containers may know none.
        """
        return _at_home(self.home, "home")


def _at_home(path: Path, setting: str) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ConfigurationError(
            f"{path} is nowhere: neither the variable HOME nor a home folder of the user "
            f"{os.geteuid()} is known; set VOD_BATCH_{setting.upper()} to a folder that is kept"
        ) from None
