"""Every setting: its words, its default, its bounds.

A description is written here once: an option's help and the table in ``docs/operating.md`` are made
of it. Flags and variables take their names from the field.
"""

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from batch.addresses import CommaList, Mailbox, MailReaders, MailServerUrl, PingUrl, WebhookUrl
from batch.core.models import JobType
from batch.core.regions import DEFAULT_REGION
from batch.settings.values import (
    Duration,
    Money,
    Name,
    check_endpoint,
    check_zone,
    none_or_value,
    parse_until,
    read_prices,
    read_types,
)

_MOST = 2**31 - 1
"""Of a count, as PostgreSQL's integer has it."""


_Limit = Annotated[Money | None, BeforeValidator(none_or_value)]


def _setting(description: str, default: object = None, **bounds: Any) -> Any:
    """Return a field; without a default it may be unset."""
    return Field(default, description=description, **bounds)


def _duration(description: str, **default: float) -> Any:
    return _setting(description, timedelta(**default))


class Fields(BaseModel):
    """Each setting, checked by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = _setting("folder of the embedded database and the journals", Path("~/.vod-batch"))
    journal: Path | None = _setting("folder of the journals; unset: journal under home")
    database_url: SecretStr | None = _setting("PostgreSQL to use; without one, the embedded server")
    database_direct_url: SecretStr | None = _setting(
        "the way to PostgreSQL without a pooler, for migrate and the lock of a night"
    )
    database_pooled: bool = _setting(
        "database_url goes through PgBouncer in transaction mode", False
    )
    database_patience: Duration = _duration(
        "how long a run waits for PostgreSQL to come back", minutes=5
    )

    account: Name = _setting("your name for the cloud account", "default")
    region: Name = _setting("region of the media", DEFAULT_REGION)
    endpoint: Annotated[str, AfterValidator(check_endpoint)] | None = _setting(
        "overrides the region's host"
    )
    service: Literal["cloud"] | None = _setting(
        "cloud lets a loopback endpoint play the cloud: every rule is then the cloud's"
    )
    connect_timeout: Duration = _duration("to get a connection to the cloud", seconds=5)
    read_timeout: Duration = _duration("between two reads of an answer", seconds=10)
    total_timeout: Duration = _duration("for one request as a whole", seconds=30)
    keepalive: Duration = _duration(
        "how long an idle connection to the cloud is used again", seconds=4
    )

    qps: float = _setting("the account's quota in calls a second", 30, gt=0, le=100_000)
    concurrency: int = _setting("requests on the wire at a time", 32, ge=1, le=1024)
    max_submissions: int | None = _setting("send no more than this many, then stop", ge=1, le=_MOST)
    max_attempts: int = _setting("requests without a job, per row", 8, ge=1, le=1000)
    grace: Duration = _duration("how long a stop waits for answers", seconds=35)
    unreachable_after: Duration = _duration(
        "stop when the cloud gave no answer for this long", seconds=60
    )
    throttled_after: Duration = _duration(
        "stop when the cloud throttled every request for this long", minutes=10
    )
    doubt_limit: int = _setting("stop after this many doubts in a row", 100, ge=1, le=_MOST)
    doubt_percent: float = _setting(
        "stop when more of the last doubt_window requests came into doubt", 10, ge=0, le=100
    )
    doubt_window: int = _setting(
        "requests that doubt_percent is taken of", 1000, ge=1, le=1_000_000
    )
    guard_percent: float = _setting(
        "stop when more of the last guard_window submissions were refused", 50, ge=0, le=100
    )
    guard_window: int = _setting(
        "submissions that guard_percent is taken of", 500, ge=1, le=1_000_000
    )
    heartbeat_timeout: Duration = _duration(
        "silence after which a worker counts as dead", seconds=15
    )

    prices: Annotated[dict[str, Money | dict[str, Money]], BeforeValidator(read_prices)] = _setting(
        "per minute: by type, or by region and type", {}
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = _setting("of the prices", "CNY")
    longest: Annotated[Duration | None, BeforeValidator(none_or_value)] = _setting(
        "length to allow for a media of unknown length"
    )
    budget: _Limit = _setting("reserve no more than this, in the currency of the prices")
    budget_day: _Limit = _setting("the most a day of timezone may cost")
    budget_month: _Limit = _setting("the most a month may cost")
    canary: int = _setting("how many of a batch a night sends first; 0: none", 20, ge=0, le=10_000)
    canary_percent: float = _setting("share of the canary that must succeed", 80, ge=0, le=100)
    canary_wait: Duration = _duration("how long a night follows its canaries", minutes=30)
    preflight: bool = _setting("look at media first, free", True)
    preflight_qps: float = _setting("GetVideoInfos calls a second", 20, gt=0, le=1000)
    skip_existing: Literal["auto", "always", "never"] = _setting(
        "take jobs that the cloud has made already, instead of paying", "auto"
    )
    until: Annotated[time, BeforeValidator(parse_until)] | None = _setting(
        "stop at this time of day, such as 06:00"
    )
    timezone: Annotated[str, AfterValidator(check_zone)] = _setting(
        "time zone of until, of the budgets' days and of the report", "UTC"
    )
    settled_after: Duration = _duration(
        "age from which a file in the inbox counts as whole", seconds=60
    )
    expect_list: bool = _setting("a night to which no list came ends with 3, and says so", False)
    reconcile_for: Duration = _duration(
        "how long a night without a deadline follows its jobs", minutes=30
    )
    max_duration: Duration | None = _setting("stop after this long, such as 5h")
    settle: Duration = _duration("age from which finding no job proves absence", hours=1)
    settle_every: Duration = _duration("how often a run settles doubts beside its sends", minutes=1)
    poll_qps: float = _setting("ListAIJob calls a second", 20, gt=0, le=1000)
    lookup_qps: float = _setting(
        "ListJobInfo and GetJobDetail calls a second, each", 12, gt=0, le=1000
    )
    search_qps: float = _setting("SearchMedia calls a second", 10, gt=0, le=1000)

    type: Annotated[tuple[JobType, ...], BeforeValidator(read_types), CommaList] = _setting(
        "type of rows without one, also dna or tag; repeatable", (JobType.MEDIA_DNA,)
    )
    campaign: Name = _setting("submit the same media again, on purpose", "default")
    config: str | None = _setting("Config of rows without one, as JSON")
    priority: int = _setting("of rows without one; higher is sent first", 0, ge=-32767, le=32767)
    column: str | None = _setting("column that holds the media id")
    encoding: str | None = _setting("of the files, such as gb18030; without it, detected")
    max_bad: float = _setting(
        "percent of bad lines above which a list is refused", 50, ge=0, le=100
    )
    strict: bool = _setting("refuse a list with any bad line", False)
    quarantine: Path | None = _setting(
        "folder for lines that cannot be loaded; without it, beside the file"
    )

    ping_url: PingUrl | None = _setting("check to ping, as Healthchecks takes it")
    ping_success_codes: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], CommaList] = (
        _setting("exit codes that the check is sent as a success", (0, 3, 5))
    )
    webhooks: Annotated[tuple[WebhookUrl, ...], CommaList] = _setting(
        "where the report goes, comma separated, as in dingtalk+https://...", ()
    )
    smtp_url: MailServerUrl | None = _setting("mail server, as in smtp://user:password@host")
    mail_from: Mailbox | None = _setting("sender of the report by mail")
    mail_to: MailReaders = _setting("its readers, comma separated", (), validate_default=True)
    notify_timeout: Duration = _duration(
        "how long a try to notify may take; there are three", seconds=10
    )
    textfile: Path | None = _setting("file of figures for Prometheus, ends in .prom")

    print_page: Literal["always", "when-needed"] = _setting(
        "when a night prints its page: always, or when-needed by a person", "always"
    )
    log: Literal["auto", "attempts", "quiet"] = _setting(
        "auto: a line a minute, parts and problems; attempts: a line a request too; quiet: "
        "problems only",
        "auto",
    )
    log_format: Literal["auto", "json", "console"] = _setting("auto, json or console", "auto")
