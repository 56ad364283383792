"""Everything about the emulator that can be set, with defaults; read from one TOML file.

What ``vod-api.md`` 13 lists as undocumented is a switch here.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from batch.emulator.accounts import AccessKey, AccountState
from batch.emulator.answers import REFUSALS, Refusal
from batch.emulator.faults import FaultRule
from batch.emulator.tables import SettingsError, build

MEDIA_DNA = "AIMediaDNA"
VIDEO_TAG = "AIVideoTag"
KNOWN_TYPES = (MEDIA_DNA, VIDEO_TAG)

OFFERED_TYPES: dict[str, tuple[str, ...]] = {
    "cn-shanghai": KNOWN_TYPES,
    "cn-beijing": KNOWN_TYPES,
    "ap-southeast-1": (MEDIA_DNA,),
}
"""Job types by region (``vod-api.md`` 1.4); a region that is not listed offers none."""


DEFAULT_LIMITS = {"SubmitAIJob": 30, "ListAIJob": 100}
"""Calls per second by action (``vod-api.md`` 1.5: as of 2022-12 and 2021)."""


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
    """Time and nonce rules (6.4). Which failed calls consume their nonce is undocumented (12.3)."""

    clock_tolerance_seconds: float = 15 * 60
    nonce_memory_seconds: float = 31 * 60
    nonce_consumed_by_throttled: bool = True
    nonce_consumed_by_5xx: bool = True


@dataclass(frozen=True, slots=True)
class SubmitSettings:
    """Undocumented behaviour of SubmitAIJob (1.1).

    ``duplicates`` speaks of a job of the same media and type that has not finished yet.
    ``partial_success`` leaves a type out of the answer that cannot run (region, not active) as
    long as another one can; otherwise the whole call is refused.
    """

    types_absent: Literal["refuse", "all", "none"] = "refuse"
    duplicates: Literal["another_job", "same_job", "refuse"] = "another_job"
    partial_success: bool = False
    inactive_types: tuple[str, ...] = ()
    extend_limit_bytes: int = 512  # vod-api.md 3
    analyse_types: tuple[str, ...] = ("ASR", "OCR", "Face", "Category", "Annotation")  # 1.3


@dataclass(frozen=True, slots=True)
class ListSettings:
    """ListAIJob (2.1)."""

    max_job_ids: int = 10


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How jobs go on: seconds after creation until they are processed and until they end."""

    processing_after_seconds: float = 0.0
    finished_after_seconds: float = 0.0
    fail_ratio: float = 0.0
    failing_media: tuple[str, ...] = ()
    fail_code: str = "InternalError"  # job-level codes are undocumented (5.2)
    fail_message: str = "The job has failed."

    def __post_init__(self) -> None:
        """Refuse times that run backwards and ratios outside 0..1."""
        if not 0 <= self.fail_ratio <= 1:
            raise SettingsError("fail_ratio must be between 0 and 1")
        if min(self.processing_after_seconds, self.finished_after_seconds) < 0:
            raise SettingsError("job times must not be negative")


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Which media exist, and how long they are in seconds.

    Without ``library`` and ``library_file`` (an id a line) every plausible id exists. With
    ``duration_range`` each media has its own length in that range, always the same one.
    """

    library: tuple[str, ...] = ()
    library_file: str = ""
    missing: tuple[str, ...] = ()
    duration_seconds: float = 60.0
    duration_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse lengths that no media has."""
        low, high = self.duration_range or (self.duration_seconds, self.duration_seconds)
        if not 0 <= low <= high:
            raise SettingsError("media durations must not be negative or run backwards")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. ``seed`` fixes job ids, request ids and every chance."""

    host: str = "127.0.0.1"
    port: int = 8808
    region: str = "cn-shanghai"
    seed: int | None = None
    keepalive_seconds: float = 75.0
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    submit: SubmitSettings = field(default_factory=SubmitSettings)
    list_jobs: ListSettings = field(default_factory=ListSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    access_keys: tuple[AccessKey, ...] = ()
    accounts: dict[str, AccountState] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    faults: tuple[FaultRule, ...] = ()


def parse_settings(text: str) -> Settings:
    """Return the settings of a TOML text; raise :class:`SettingsError` on anything unexpected."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"not TOML: {error}") from None
    if isinstance(refusals := table.get("refusals", {}), dict):
        table["refusals"] = {name: _whole(name, entry) for name, entry in refusals.items()}
    return build(Settings, table)


def load_settings(path: Path) -> Settings:
    """Return the settings of a TOML file."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None


def _whole(name: str, entry: object) -> object:
    """Complete a [refusals.<name>] table, which names only what differs, from the built-in one."""
    known = REFUSALS.get(name)
    if known is None:
        raise SettingsError(f"unknown refusal {name!r}; known: {', '.join(REFUSALS)}")
    if not isinstance(entry, dict):
        return entry
    return {"code": known.code, "status": known.status, "message": known.message, **entry}
