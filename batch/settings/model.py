"""The settings of one command, checked: each alone, and all of them together."""

import os
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from batch.addresses import CommaList, Mailbox, MailReaders, MailServerUrl, PingUrl, WebhookUrl
from batch.core.budget import Budgets, Spending
from batch.core.doubt import DATE_WINDOW
from batch.core.hosts import is_loopback_host
from batch.core.models import JobType
from batch.core.pricing import PriceList
from batch.core.regions import DEFAULT_REGION, region_host
from batch.errors import ConfigurationError
from batch.settings.values import (
    Duration,
    Money,
    Name,
    check_endpoint,
    check_zone,
    is_cloud_host,
    parse_until,
)

SHORTEST_SETTLE = DATE_WINDOW + timedelta(minutes=1)
"""As long as a request may still be admitted, and a minute for clocks."""

_MOST = 2**31 - 1
"""Of a count, as PostgreSQL's integer has it."""

_MAY_HOLD_SECRETS = {"database_url", "database_direct_url", "ping_url", "webhooks", "smtp_url"}


class UnfitError(ValueError):
    """A setting that does not fit the others; every check of the whole names the one to change."""

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(text)
        self.setting = setting


class Settings(BaseModel):
    """Checked, immutable settings of one command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(Path("~/.vod-batch"), description="where the embedded database is kept")
    journal: Path | None = Field(None, description="folder of the journals; unset: under home")
    database_url: SecretStr | None = Field(None, description="PostgreSQL; unset: embedded")
    database_direct_url: SecretStr | None = Field(
        None, description="PostgreSQL without a pooler in between, for migrations and locks"
    )
    database_pooled: bool = Field(
        False, description="database_url goes through PgBouncer in transaction mode"
    )

    database_patience: Duration = Field(
        timedelta(minutes=5), description="how long a run waits for PostgreSQL to come back"
    )

    account: Name = Field("default", description="your name for the cloud account")
    region: Name = Field(DEFAULT_REGION, description="region of the media")
    endpoint: Annotated[str, AfterValidator(check_endpoint)] | None = Field(
        None, description="overrides the region's host"
    )
    service: Literal["cloud"] | None = Field(
        None, description="lets a loopback endpoint play the cloud: every rule is the cloud's"
    )
    connect_timeout: Duration = timedelta(seconds=5)
    read_timeout: Duration = timedelta(seconds=10)
    total_timeout: Duration = timedelta(seconds=30)
    keepalive: Duration = Field(
        timedelta(seconds=4), description="how long an idle connection to the cloud is used again"
    )

    qps: float = Field(30, gt=0, le=100_000, description="the account's quota, calls a second")
    concurrency: int = Field(32, ge=1, le=1024, description="requests on the wire at a time")
    max_submissions: int | None = Field(
        None, ge=1, le=_MOST, description="send no more than this many"
    )
    max_attempts: int = Field(8, ge=1, le=1000, description="requests without a job, per row")
    grace: Duration = Field(
        timedelta(seconds=35), description="how long a stop waits for answers on the wire"
    )
    unreachable_after: Duration = Field(
        timedelta(seconds=60), description="stop when the cloud gave no answer for this long"
    )
    throttled_after: Duration = Field(
        timedelta(minutes=10), description="stop when all was throttled for this long"
    )
    doubt_limit: int = Field(
        100, ge=1, le=_MOST, description="stop after this many doubts in a row"
    )
    doubt_percent: float = Field(
        10, ge=0, le=100, description="stop when more of doubt_window requests came into doubt"
    )
    doubt_window: int = Field(
        1000, ge=1, le=1_000_000, description="last requests that doubt_percent is taken of"
    )
    guard_percent: float = Field(
        50, ge=0, le=100, description="stop when more of the last guard_window were refused"
    )
    guard_window: int = Field(
        500, ge=1, le=1_000_000, description="submissions that guard_percent is taken of"
    )
    heartbeat_timeout: Duration = Field(
        timedelta(seconds=15), description="silence after which a worker counts as dead"
    )

    prices: dict[str, Money | dict[str, Money]] = Field(
        default_factory=dict, description="per minute: by type, or by region and type"
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        "CNY", description="of the prices"
    )
    longest: Duration | None = Field(
        None, description="length to allow for a media of unknown length"
    )
    budget: Money | None = Field(None, description="the most a run may cost, in currency")
    budget_day: Money | None = Field(None, description="the most a day of timezone may cost")
    budget_month: Money | None = Field(None, description="the most a month may cost")
    canary: int = Field(
        20,
        ge=0,
        le=10_000,
        description="first of a batch, followed to their end by a night; 0: off",
    )
    canary_percent: float = Field(
        80, ge=0, le=100, description="share of the canary that must succeed"
    )
    canary_wait: Duration = Field(
        timedelta(minutes=30), description="how long a night follows its canaries"
    )
    preflight: bool = Field(True, description="look at media before paying for them")
    preflight_qps: float = Field(20, gt=0, le=1000, description="GetVideoInfos calls a second")
    skip_existing: Literal["auto", "always", "never"] = Field(
        "auto", description="take jobs that the cloud has made already, instead of paying"
    )
    until: Annotated[time, BeforeValidator(parse_until)] | None = Field(
        None, description="time of day at which a run stops, in timezone"
    )
    timezone: Annotated[str, AfterValidator(check_zone)] = Field(
        "UTC", description="time zone of until, of the budgets' days and of the report"
    )
    settled_after: Duration = Field(
        timedelta(seconds=60), description="age from which a file in the inbox counts as whole"
    )
    reconcile_for: Duration = Field(
        timedelta(minutes=30), description="how long a night without a deadline follows its jobs"
    )
    max_duration: Duration | None = Field(None, description="how long a run may take")
    settle: Duration = Field(
        timedelta(hours=1), description="age of a doubt from which finding no job proves absence"
    )
    settle_every: Duration = Field(
        timedelta(minutes=1), description="how often a run settles doubts beside its sends"
    )
    poll_qps: float = Field(20, gt=0, le=1000, description="ListAIJob calls a second")
    lookup_qps: float = Field(
        12, gt=0, le=1000, description="ListJobInfo and GetJobDetail calls a second, each"
    )

    type: tuple[JobType, ...] = Field((JobType.MEDIA_DNA,), description="types of rows without")
    campaign: Name = "default"
    config: str | None = None
    priority: int = Field(0, ge=-32767, le=32767)
    column: str | None = None
    encoding: str | None = None
    quarantine: Path | None = None

    ping_url: PingUrl | None = Field(None, description="check to ping, as Healthchecks takes it")
    ping_success_codes: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], CommaList] = (
        Field((0, 3, 5), description="exit codes that the check hears as a success")
    )
    webhooks: Annotated[tuple[WebhookUrl, ...], CommaList] = Field(
        (), description="where the report goes, such as dingtalk+https://..."
    )
    smtp_url: MailServerUrl | None = Field(None, description="mail server: smtp://user:pass@host")
    mail_from: Mailbox | None = Field(None, description="sender of the report by mail")
    mail_to: MailReaders = Field((), validate_default=True, description="its readers")
    notify_timeout: Duration = Field(
        timedelta(seconds=10), description="how long a try to notify may take; there are three"
    )
    textfile: Path | None = Field(None, description="file for Prometheus, ends in .prom")

    log_format: Literal["auto", "json", "console"] = "auto"

    @property
    def url(self) -> str:
        """The endpoint in force: the override, else the region's host over TLS."""
        return self.endpoint or f"https://{region_host(self.region)}"

    @property
    def counterpart(self) -> Literal["cloud", "stand-in"]:
        """Whom the endpoint in force reaches: the cloud, or what stands in for it."""
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
        """Return what a run's intents are priced by and held against."""
        return Spending(run, self.price_list, self.longest_seconds, self.timezone, self.budgets)

    @model_validator(mode="after")
    def _a_budget_needs_prices(self) -> Self:
        if self.budgets.are_set and not self.price_list.per_minute:
            raise UnfitError(
                "prices", 'a budget is set, and there are none: set them, as AIMediaDNA = "0.05"'
            )
        return self

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
