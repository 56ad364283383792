"""The sections of a settings file, one dataclass each, with their defaults."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from batch.emulator.tables import SettingsError

MEDIA_DNA = "AIMediaDNA"
VIDEO_TAG = "AIVideoTag"
KNOWN_TYPES = (MEDIA_DNA, VIDEO_TAG)

OFFERED_TYPES: dict[str, tuple[str, ...]] = {
    "cn-shanghai": KNOWN_TYPES,
    "cn-beijing": KNOWN_TYPES,
    "ap-southeast-1": (MEDIA_DNA,),
}
"""Job types by region (``vod-api.md`` 1.4); a region that is not listed offers none."""

DEFAULT_LIMITS = {
    "SubmitAIJob": 30,
    "ListAIJob": 100,
    "ListJobInfo": 15,
    "GetJobDetail": 15,
    "GetMediaDNAResult": 20,
    "GetAIVideoTagResult": 10,
    "GetVideoInfos": 100,
}
"""Calls per second by action (``vod-api.md`` 1.5, 2.8: the newest figure found of each)."""

DEFAULT_PRICES = {MEDIA_DNA: Decimal("0.05"), VIDEO_TAG: Decimal("0.3")}
"""Price of a minute by job type, in CNY (``vod-api.md`` 1.6: as of 2021)."""

MEDIA_STATUSES = (
    "Uploading", "UploadFail", "UploadSucc", "Transcoding", "TranscodeFail", "Checking", "Blocked",
    "Normal", "ProduceFail",
)  # fmt: skip
"""Status of a media (``vod-api.md`` 1.7)."""


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """Calls per second by action and for all others; 0 is no limit."""

    limits: dict[str, int] = field(default_factory=dict)  # over DEFAULT_LIMITS
    default_limit: int = 100
    count_refused: bool = False  # whether a refused call counts in the sliding second
    retry_after_ms: int = 0  # header x-acs-retry-after of a throttled answer; 0 sends none

    def __post_init__(self) -> None:
        """Refuse what no limit can be."""
        if min(*self.limits.values(), self.default_limit, self.retry_after_ms, 0) < 0:
            raise SettingsError("limits and retry_after_ms must not be negative")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Time and nonce rules (6.4). Which failed calls consume their nonce is undocumented (12.3).

    Without ``nonce_check`` repeated nonces are not refused. ``nonce_scope`` says among whose calls
    a nonce must not repeat: everybody's ("across the whole network"), an account's, a key's, those
    that come to one of the gateway's ``nodes``, or on one connection. Connections are dealt to the
    nodes in turn.
    """

    clock_tolerance_seconds: float = 15 * 60
    nonce_check: bool = True
    nonce_scope: Literal["network", "account", "key", "node", "connection"] = "network"
    nodes: int = 2
    nonce_memory_seconds: float = 31 * 60
    nonce_consumed_by_throttled: bool = True
    nonce_consumed_by_5xx: bool = True

    def __post_init__(self) -> None:
        """Refuse a gateway of nothing."""
        if self.nodes < 1:
            raise SettingsError("nodes must be at least 1")


@dataclass(frozen=True, slots=True)
class SubmitSettings:
    """Undocumented behaviour of SubmitAIJob (1.1, 1.7).

    ``duplicates`` speaks of a job of the same media and type that has not finished yet.
    ``partial_success`` leaves a type out of the answer that cannot run (region, not active) as
    long as another one can; otherwise the whole call is refused. A media whose Status is among
    ``refused_statuses`` gets Forbidden.IllegalStatus.
    """

    types_absent: Literal["refuse", "all", "none"] = "refuse"
    duplicates: Literal["another_job", "same_job", "refuse"] = "another_job"
    partial_success: bool = False
    inactive_types: tuple[str, ...] = ()
    refused_statuses: tuple[str, ...] = ()
    extend_limit_bytes: int = 512  # vod-api.md 3
    analyse_types: tuple[str, ...] = ("ASR", "OCR", "Face", "Category", "Annotation")  # 1.3

    def __post_init__(self) -> None:
        """Refuse words that are no Status."""
        _check_words("refused_statuses", self.refused_statuses, MEDIA_STATUSES)


@dataclass(frozen=True, slots=True)
class ListSettings:
    """ListAIJob (2.1)."""

    max_job_ids: int = 10


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """Undocumented behaviour of the queries by media or of one job (2.2, 2.3, 2.4).

    ListJobInfo and GetJobDetail find a job from ``visible_after_seconds`` after its creation until
    ``retention_days`` after it (0: for ever). ListJobInfo returns jobs of the types it ``covers``,
    in ``order``, at most ``max_entries`` (0: all). ``unknown_media`` speaks of ListJobInfo and the
    two results, ``without_result`` of results of a media without a successful job.
    """

    visible_after_seconds: float = 0.0
    retention_days: float = 183.0
    order: Literal["newest", "oldest"] = "newest"
    max_entries: int = 0
    covers: tuple[str, ...] = KNOWN_TYPES
    unknown_media: Literal["empty", "refuse"] = "empty"
    without_result: Literal["empty", "refuse"] = "empty"

    def __post_init__(self) -> None:
        """Refuse negative limits and types that do not exist."""
        if min(self.visible_after_seconds, self.retention_days, self.max_entries) < 0:
            raise SettingsError("times and max_entries must not be negative")
        _check_words("covers", self.covers, KNOWN_TYPES)


@dataclass(frozen=True, slots=True)
class AutoDnaSettings:
    """Automatic AIMediaDNA jobs (1.7): for the ``media`` named, and for a ``ratio`` of all others.

    They are made ``after_seconds`` after the emulator's start for ``account``, or with ``on``
    "submit" after the first submission of the media for the caller's account. Which media the
    ratio means depends on their ids only; where every id exists, a media counts once it was named
    in a call.
    """

    media: tuple[str, ...] = ()
    ratio: float = 0.0
    on: Literal["start", "submit"] = "start"
    after_seconds: float = 0.0
    account: str = "default"

    def __post_init__(self) -> None:
        """Refuse ratios outside 0..1 and times before the occasion."""
        if not 0 <= self.ratio <= 1 or self.after_seconds < 0:
            raise SettingsError("ratio must be between 0 and 1, after_seconds not negative")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How jobs go on: seconds after creation until a stage begins, until they end.

    ``started_after_seconds`` ends "reserved" and ``analysing_after_seconds`` (``None``: never)
    begins "analysing", stages that only GetJobDetail and ListJobInfo tell apart (2.4).
    """

    started_after_seconds: float = 0.0
    processing_after_seconds: float = 0.0
    analysing_after_seconds: float | None = None
    finished_after_seconds: float = 0.0
    fail_ratio: float = 0.0
    failing_media: tuple[str, ...] = ()
    fail_code: str = "InternalError"  # job-level codes are undocumented (5.2)
    fail_message: str = "The job has failed."
    auto_dna: AutoDnaSettings = field(default_factory=AutoDnaSettings)

    def __post_init__(self) -> None:
        """Refuse times that run backwards and ratios outside 0..1."""
        if not 0 <= self.fail_ratio <= 1:
            raise SettingsError("fail_ratio must be between 0 and 1")
        times = (
            self.started_after_seconds,
            self.processing_after_seconds,
            self.analysing_after_seconds or 0.0,
            self.finished_after_seconds,
        )
        if min(times) < 0:
            raise SettingsError("job times must not be negative")


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Which media exist, how long they are in seconds, and what GetVideoInfos says of them (2.8).

    Without ``library`` and ``library_file`` (an id a line) every plausible id exists. With
    ``duration_range`` each media has its own length in that range, always the same one;
    ``durations`` gives lengths by id. ``statuses`` lists ids by Status; all others are Normal.
    ``storage_classes`` and ``restore_statuses`` list ids by what GetVideoInfos says in StorageClass
    and RestoreStatus; of all others it says nothing. ``unknown`` is what a page with an id of no
    media is answered with: the id listed among NonExistVideoIds, or InvalidVideo.NotFound.
    ``copies`` names for an id the media that DNA finds it to be a copy of (2.3).
    """

    library: tuple[str, ...] = ()
    library_file: str = ""
    missing: tuple[str, ...] = ()
    duration_seconds: float = 60.0
    duration_range: tuple[float, float] | None = None
    durations: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    storage_classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    restore_statuses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Literal["list", "refuse"] = "list"
    copies: dict[str, str] = field(default_factory=dict)
    created_at: str = "2025-01-01T00:00:00Z"

    def __post_init__(self) -> None:
        """Refuse lengths that no media has, and words that are no Status."""
        low, high = self.duration_range or (self.duration_seconds, self.duration_seconds)
        if not 0 <= low <= high or min(self.durations.values(), default=0.0) < 0:
            raise SettingsError("media durations must not be negative or run backwards")
        _check_words("statuses", tuple(self.statuses), MEDIA_STATUSES)
        _check_moment(self.created_at)


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """What a minute costs, by job type (1.6), over DEFAULT_PRICES; exact, so best as text."""

    currency: str = "CNY"
    per_minute: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse prices below zero or of nothing."""
        _check_words("per_minute", tuple(self.per_minute), KNOWN_TYPES)
        if any(price < 0 for price in self.per_minute.values()):
            raise SettingsError("prices must not be negative")


def _check_words(name: str, words: tuple[str, ...], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise SettingsError(f"{name} must be of {', '.join(known)}, not {word!r}")


def _check_moment(text: str) -> None:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007  (only its form counts)
    except ValueError:
        raise SettingsError("created_at must be of the form 2025-01-01T00:00:00Z") from None
