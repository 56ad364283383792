"""Every setting, from flags, environment and ``vod-batch.toml``, in that order of strength.

A flag ``--max-submissions`` has the environment twin ``VOD_BATCH_MAX_SUBMISSIONS`` and the file key
``max_submissions`` (dashes and the prefix are accepted there too). Credentials are not settings:
they come from Alibaba's own chain (``docs/operating.md``).
"""

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from batch.addresses import CommaList, Mailbox, MailReaders, MailServerUrl, PingUrl, WebhookUrl
from batch.core.budget import Budgets, Spending
from batch.core.deadline import find_zone, parse_time_of_day
from batch.core.models import JobType
from batch.core.pricing import PriceList
from batch.core.regions import DEFAULT_REGION, region_host
from batch.errors import ConfigurationError

PREFIX = "VOD_BATCH_"
FILE_NAME = "vod-batch.toml"

SHORTEST_SETTLE = timedelta(minutes=16)
"""The gateway's date window of 15 minutes, and one for clocks."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(text: object) -> object:
    """Turn ``90s``, ``16m``, ``1h`` or ``1h30m`` into a timedelta; other values pass through.

    Raises:
        ValueError: the text is not a duration.
    """
    if not isinstance(text, str):
        if isinstance(text, timedelta):
            return text
        raise ValueError("write a duration with its unit, such as 90s, 16m or 1h")
    compact = text.replace(" ", "").lower()
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 16m or 1h")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError("must be longer than zero")
    return duration


def parse_until(text: object) -> object:
    """Turn ``06:00`` into a time; other values pass through. Raises ValueError."""
    return parse_time_of_day(text) if isinstance(text, str) else text


def _check_zone(name: str) -> str:
    find_zone(name)
    return name


def _check_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{endpoint!r} is not a URL; write it like http://127.0.0.1:8808")
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError("must hold scheme, host and port only, like http://127.0.0.1:8808")
    if parts.scheme == "http" and is_cloud_host(parts.hostname):
        raise ValueError("the cloud is called over https only")
    return endpoint.rstrip("/")


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive)]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def is_cloud_host(host: str) -> bool:
    """Tell whether ``host`` is one of the cloud's own (``vod-api.md`` 7)."""
    return host == "aliyuncs.com" or host.endswith(".aliyuncs.com")


def is_loopback_host(host: str) -> bool:
    """Tell whether ``host`` names this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    endpoint: Annotated[str, AfterValidator(_check_endpoint)] | None = Field(
        None, description="overrides the region's host"
    )
    connect_timeout: Duration = timedelta(seconds=5)
    read_timeout: Duration = timedelta(seconds=10)
    total_timeout: Duration = timedelta(seconds=30)

    qps: float = Field(30, gt=0, le=100_000, description="the account's quota, calls a second")
    concurrency: int = Field(32, ge=1, le=1024, description="requests on the wire at a time")
    max_submissions: int | None = Field(None, ge=1, description="send no more than this many")
    max_attempts: int = Field(8, ge=1, le=1000, description="sends that never arrived, per row")
    grace: Duration = Field(
        timedelta(seconds=35), description="how long a stop waits for answers on the wire"
    )
    unreachable_after: Duration = Field(
        timedelta(seconds=60), description="stop when the cloud gave no answer for this long"
    )
    doubt_limit: int = Field(100, ge=1, description="stop after this many doubts in a row")
    guard_percent: float = Field(
        50, ge=0, le=100, description="stop when more of the last guard_window were rejected"
    )
    guard_window: int = Field(500, ge=1, description="submissions that guard_percent is taken of")
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
    until: Annotated[time, BeforeValidator(parse_until)] | None = Field(
        None, description="time of day at which a run stops, in timezone"
    )
    timezone: Annotated[str, AfterValidator(_check_zone)] = Field(
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
    poll_qps: float = Field(20, gt=0, le=1000, description="ListAIJob calls a second")
    lookup_qps: float = Field(
        12, gt=0, le=1000, description="ListJobInfo and GetJobDetail calls a second"
    )

    type: tuple[JobType, ...] = Field((JobType.MEDIA_DNA,), description="types of rows without")
    campaign: Name = "default"
    config: str | None = None
    priority: int = Field(0, ge=-32768, le=32767)
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
    def service(self) -> Literal["cloud", "stand-in"]:
        """Whether the endpoint in force is the cloud itself."""
        return "cloud" if is_cloud_host(urlsplit(self.url).hostname or "") else "stand-in"

    @model_validator(mode="after")
    def _absence_waits_for_the_gateway(self) -> Self:
        """A request may be admitted for 15 minutes (``vod-api.md`` 12.2)."""
        host = urlsplit(self.url).hostname or ""
        if self.settle < SHORTEST_SETTLE and not is_loopback_host(host):
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

    def spending(self, run: UUID) -> Spending:
        """Return what a run's intents are priced by and held against."""
        longest = Decimal(str(self.longest.total_seconds())) if self.longest else None
        return Spending(run, self.price_list, longest, self.timezone, self.budgets)

    @model_validator(mode="after")
    def _a_budget_needs_prices(self) -> Self:
        if self.budgets.are_set and not self.price_list.per_minute:
            raise UnfitError(
                "prices", 'a budget is set, and there are none: set them, as AIMediaDNA = "0.05"'
            )
        return self

    @property
    def journal_path(self) -> Path:
        """The folder of the journals, absolute."""
        return self.journal.expanduser().absolute() if self.journal else self.home_path / "journal"

    @property
    def home_path(self) -> Path:
        """``home`` with ``~`` expanded, absolute."""
        return self.home.expanduser().absolute()


def load_settings(**flags: Any) -> Settings:
    """Merge flags (unset ones are ``None``), environment and file into checked settings.

    Raises:
        ConfigurationError: an unknown key, or a value that does not fit; the message names where
            the value came from.
    """
    origin: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for label, values in (
        (str(_file_path()), _from_file(_file_path())),
        ("environment", _from_environment()),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        merged |= values
        origin |= dict.fromkeys(values, label)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise ConfigurationError(_first_problem(error, origin)) from None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from: the file, if there is one, and variables by their full names.

    ``overruled`` are settings of the file that a variable sets too.
    """

    file: Path | None
    variables: tuple[str, ...]
    overruled: tuple[str, ...]


def sources_in_force() -> Sources:
    """Return what :func:`load_settings` reads beside flags.

    Raises:
        ConfigurationError: the file or a variable is off.
    """
    path, variables = _file_path(), _from_environment()
    in_file = _from_file(path)
    return Sources(
        path.absolute() if path.exists() else None,
        tuple(sorted(f"{PREFIX}{name.upper()}" for name in variables)),
        tuple(sorted(in_file.keys() & variables.keys())),
    )


def _file_path() -> Path:
    return Path(os.environ.get(f"{PREFIX}SETTINGS", FILE_NAME))


def _from_file(path: Path) -> dict[str, Any]:
    named = f"{PREFIX}SETTINGS" in os.environ
    if not named and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read the settings file {path}: {error}") from None
    values = {_field_name(key): value for key, value in document.items()}
    for key, name in zip(document, values, strict=True):
        if name not in Settings.model_fields:
            raise ConfigurationError(f"{path}: unknown setting {key!r}{_suggestion(name)}")
    return values


def _from_environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in os.environ.items():
        name = _field_name(key)
        if not key.startswith(PREFIX) or name == "settings":
            continue
        if name in Settings.model_fields:
            # An empty variable is how compose files and shells write "unset".
            if value != "":
                values[name] = _from_text(name, value)
        elif suggestion := _suggestion(name, prefix=PREFIX):
            # A variable that is nothing like ours may belong to a wrapper; a near miss is a typo.
            raise ConfigurationError(f"unknown environment variable {key}{suggestion}")
    return values


def _from_text(name: str, value: str) -> object:
    """Read what a variable holds of a list or a table."""
    if name == "type":
        return value.split(",")
    if name == "prices":
        try:
            return json.loads(value, parse_float=str)
        except ValueError as error:
            raise ConfigurationError(f"{PREFIX}PRICES is not JSON: {error}") from None
    return value


def _field_name(key: str) -> str:
    return key.lower().replace("-", "_").removeprefix(PREFIX.lower())


def _suggestion(name: str, prefix: str = "") -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    if not near:
        return ""
    return f"; did you mean {prefix}{near[0].upper() if prefix else near[0]}?"


def _blamed(problem: Mapping[str, Any]) -> str | None:
    """Return the setting that a check of several settings together found wrong."""
    error = problem.get("ctx", {}).get("error")
    return error.setting if isinstance(error, UnfitError) else None


def _first_problem(error: ValidationError, origin: dict[str, str]) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    text = problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0]) if problem["loc"] else _blamed(problem)
    if name is None:
        return text
    where = {
        "flag": f"--{name.replace('_', '-')}",
        "environment": f"{PREFIX}{name.upper()}",
    }.get(origin.get(name, ""), f"{name} in {origin[name]}" if name in origin else name)
    return f"{where}: {text}"
