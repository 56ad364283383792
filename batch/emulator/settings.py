"""Everything about the emulator that can be set, with defaults; read from one TOML file.

What ``vod-api.md`` 13 lists as undocumented is a switch here, a fault (``faults.py``) or a word
(``words.py``). Events are not played.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from batch.emulator.faults import FaultRule
from batch.emulator.models import (
    Count,
    JobType,
    Model,
    Moment,
    Seconds,
    SettingsError,
    Share,
    checked,
)
from batch.emulator.refusals import RefusalChanges
from batch.emulator.words import Table

AccountState = Literal["ok", "arrears", "not_open"]
Limits = dict[str, Count]
"""Calls a second by action; 0 is no limit."""

MediaStatus = Literal[
    "Uploading", "UploadFail", "UploadSucc", "Transcoding", "TranscodeFail", "Checking", "Blocked",
    "Normal", "ProduceFail",
]  # fmt: skip
"""Status of a media (``vod-api.md`` 1.7)."""

DEFAULT_LIMITS = {
    "SubmitAIJob": 30,
    "ListAIJob": 100,
    "ListJobInfo": 15,
    "GetJobDetail": 15,
    "GetMediaDNAResult": 20,
    "GetAIVideoTagResult": 10,
    "GetVideoInfos": 100,
    "SearchMedia": 50,
}
"""The newest figure found of each (``vod-api.md`` 1.5, 2.8)."""


class QuotaSettings(Model):
    """Calls a second by action and for all others; 0 is no limit."""

    limits: Limits = {}  # over DEFAULT_LIMITS
    default_limit: Count = 100
    count_refused: bool = False  # whether a refused call counts in the sliding second
    retry_after_ms: Count = 0  # header x-acs-retry-after of a throttled answer; 0 sends none


class GatewaySettings(Model):
    """Time and nonce rules (6.4). Which failed calls consume their nonce is undocumented (12.3).

    ``nonce_scope`` says among whose calls a nonce must not repeat: everybody's ("across the whole
    network"), an account's, a key's, those that come to one of the gateway's ``nodes``, or on one
    connection. Connections are dealt to the nodes in turn.
    """

    clock_tolerance_seconds: float = 15 * 60
    nonce_check: bool = True
    nonce_scope: Literal["network", "account", "key", "node", "connection"] = "network"
    nodes: Annotated[int, Field(ge=1)] = 2
    nonce_memory_seconds: float = 31 * 60
    nonce_consumed_by_throttled: bool = True
    nonce_consumed_by_5xx: bool = True


class SubmitSettings(Model):
    """Undocumented behaviour of SubmitAIJob (1.1, 1.7).

    ``duplicates`` speaks of a job of the same media and type that has not finished yet.
    ``partial_success`` leaves a type out of the answer that cannot run (region, not active) as
    long as another one can; otherwise the whole call is refused. A media whose Status is among
    ``refused_statuses`` gets Forbidden.IllegalStatus.
    """

    types_absent: Literal["refuse", "all", "none"] = "refuse"
    duplicates: Literal["another_job", "same_job", "refuse"] = "another_job"
    partial_success: bool = False
    inactive_types: list[str] = []
    refused_statuses: list[MediaStatus] = []
    extend_limit_bytes: int = 512  # vod-api.md 3
    analyse_types: list[str] = ["ASR", "OCR", "Face", "Category", "Annotation"]  # 1.3


class ListSettings(Model):
    """ListAIJob (2.1)."""

    max_job_ids: int = 10


class LookupSettings(Model):
    """Undocumented behaviour of the queries by media or of one job (2.2, 2.3, 2.4).

    ListJobInfo and GetJobDetail find a job from ``visible_after_seconds`` after its creation until
    ``retention_days`` after it (0: for ever). ListJobInfo returns jobs of the types it ``covers``,
    in ``order``, at most ``max_entries`` (0: all). ``unknown_media`` speaks of ListJobInfo and the
    two results, ``without_result`` of results of a media without a successful job.
    """

    visible_after_seconds: Seconds = 0.0
    retention_days: Annotated[float, Field(ge=0)] = 183.0
    order: Literal["newest", "oldest"] = "newest"
    max_entries: Count = 0
    covers: list[JobType] = ["AIMediaDNA", "AIVideoTag"]
    unknown_media: Literal["empty", "refuse"] = "empty"
    without_result: Literal["empty", "refuse"] = "empty"


class AutoDnaSettings(Model):
    """Automatic AIMediaDNA jobs (1.7): for the ``media`` named, and for a ``ratio`` of all others.

    They are made ``after_seconds`` after the emulator's start for ``account``, or with ``on``
    "submit" after the first submission of the media for the caller's account. Which media the
    ratio means depends on their ids only; where every id exists, a media counts once it was named
    in a call.
    """

    media: list[str] = []
    ratio: Share = 0.0
    on: Literal["start", "submit"] = "start"
    after_seconds: Seconds = 0.0
    account: str = "default"


class SearchSettings(Model):
    """SearchMedia (its page, document_detail/86044, and what that leaves open).

    Without a ScrollToken the first ``without_token`` records can be reached, with one at most
    ``reach`` further than its page's end, never more than ``most``. The pages of the vendor do not
    agree whether the records of the token's own page count: with ``reach_counts_own_page`` they do.
    ``past_the_end`` is what a page behind the last one gets. A token shows media that came after it
    was first given unless ``view`` is "frozen".
    """

    without_token: Count = 5_000
    reach: Count = 100
    reach_counts_own_page: bool = False
    most: Count = 2_000_000
    past_the_end: Literal["empty", "refuse"] = "empty"
    view: Literal["live", "frozen"] = "live"


class JobSettings(Model):
    """How jobs go on: seconds after creation until a stage begins, until they end.

    ``started_after_seconds`` ends "reserved" and ``analysing_after_seconds`` (``None``: never)
    begins "analysing", stages that only GetJobDetail and ListJobInfo tell apart (2.4).
    """

    started_after_seconds: Seconds = 0.0
    processing_after_seconds: Seconds = 0.0
    analysing_after_seconds: Seconds | None = None
    finished_after_seconds: Seconds = 0.0
    fail_ratio: Share = 0.0
    failing_media: list[str] = []
    fail_code: str = "InternalError"  # job-level codes are undocumented (5.2)
    fail_message: str = "The job has failed."
    auto_dna: AutoDnaSettings = AutoDnaSettings()


class MediaSettings(Model):
    """Which media exist, how long they are in seconds, and what GetVideoInfos says of them (2.8).

    Without ``library`` and ``library_file`` (an id a line) every plausible id exists. ``listed`` is
    how many media of made-up ids SearchMedia finds, after those of the library; each was created a
    second after the one before, the first a second after ``created_at``. With
    ``duration_range`` each media has its own length in that range, always the same one;
    ``durations`` gives lengths by id. ``statuses`` lists ids by Status; all others are Normal.
    ``storage_classes`` and ``restore_statuses`` list ids by what GetVideoInfos says in StorageClass
    and RestoreStatus; of all others it says nothing. ``unknown`` is what a page with an id of no
    media is answered with: the id listed among NonExistVideoIds, or InvalidVideo.NotFound.
    ``copies`` names for an id the media that DNA finds it to be a copy of (2.3).
    """

    library: list[str] = []
    library_file: str = ""
    listed: Count = 0
    missing: list[str] = []
    duration_seconds: Seconds = 60.0
    duration_range: Annotated[tuple[Seconds, Seconds], Field(strict=False)] | None = None
    durations: dict[str, Seconds] = {}
    statuses: dict[MediaStatus, list[str]] = {}
    storage_classes: dict[str, list[str]] = {}
    restore_statuses: dict[str, list[str]] = {}
    unknown: Literal["list", "refuse"] = "list"
    copies: dict[str, str] = {}
    created_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] = (
        "2025-01-01T00:00:00Z"
    )

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if self.duration_range and self.duration_range[0] > self.duration_range[1]:
            raise ValueError("duration_range must not run backwards")
        return self


class PriceSettings(Model):
    """What a minute costs, by job type (1.6, as of 2021); exact, so best as text."""

    currency: str = "CNY"
    per_minute: dict[JobType, Annotated[Decimal, Field(ge=0, strict=False)]] = {}


class AccessKey(Model):
    """A key of an account. With ``security_token`` it is a temporary (STS) key.

    ``actions`` are RAM actions (``*``, ``vod:*``, ``vod:SubmitAIJob`` or plain ``SubmitAIJob``);
    ``security_token_expires_at`` is ISO 8601 with an offset, unset for never.
    """

    id: str
    secret: str
    account: str = "default"
    security_token: str = ""
    security_token_expires_at: Moment | None = None
    status: Literal["active", "inactive"] = "active"
    actions: list[str] = ["*"]
    regions: list[str] = ["*"]


class Switches(Model):
    """The sections that can be turned while the emulator runs: nothing takes a copy of them."""

    gateway: GatewaySettings = GatewaySettings()
    submit: SubmitSettings = SubmitSettings()
    list_jobs: ListSettings = ListSettings()
    lookup: LookupSettings = LookupSettings()
    search: SearchSettings = SearchSettings()


class Settings(Switches):
    """All settings. ``seed`` fixes job ids, request ids and every chance.

    ``accounts`` gives the state of an account, ``user_ids`` its UserId; an account that is not
    listed is in order and has a UserId made from its name. ``refusals`` name what differs.
    """

    host: str = "127.0.0.1"
    port: int = 8808
    region: str = "cn-shanghai"
    seed: int | None = None
    keepalive_seconds: float = 75.0
    quota: QuotaSettings = QuotaSettings()
    jobs: JobSettings = JobSettings()
    media: MediaSettings = MediaSettings()
    prices: PriceSettings = PriceSettings()
    access_keys: list[AccessKey] = []
    accounts: dict[str, AccountState] = {}
    user_ids: dict[str, int] = {}
    refusals: RefusalChanges = {}
    faults: list[FaultRule] = []
    words: Table = {}


def parse_settings(text: str, options: dict[str, Any] | None = None) -> Settings:
    """Return the settings of a TOML text, with ``options`` (a table too) laid over them.

    Raises:
        SettingsError: anything unexpected.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from None
    return checked(Settings, _laid_over(table, options or {}))


def load_settings(path: Path | None, options: dict[str, Any]) -> Settings:
    """Return the settings of a TOML file, if there is one, with ``options`` laid over them."""
    try:
        return parse_settings(path.read_text(encoding="utf-8") if path else "", options)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _laid_over(below.get(key), value) for key, value in above.items()}
