"""Everything about the emulator that can be set, with defaults; read from one TOML file.

What ``vod-api.md`` 13 lists as undocumented is a switch. Its list, with the names of settings:

==================================  ==============================================================
QPS per action                      ``quota.limits``, ``quota.default_limit``,
                                    ``quota.count_refused``
duplicate policy                    ``submit.duplicates``
ListJobInfo visibility delay        ``lookup.visible_after_seconds`` (GetJobDetail, too)
ListJobInfo order, size, coverage   ``lookup.order``, ``lookup.max_entries``, ``lookup.covers``,
                                    ``lookup.retention_days``, ``lookup.unknown_media``
results by media without a job      ``lookup.without_result``
Auto DNA jobs                       ``jobs.auto_dna.*``; admin call ``auto_jobs``
nonce of throttled and 5xx calls    ``gateway.nonce_consumed_by_throttled``,
                                    ``gateway.nonce_consumed_by_5xx``
nonces at all, and among whom       ``gateway.nonce_check``, ``gateway.nonce_scope``,
                                    ``gateway.nodes``
status and codes of 5.2             ``refusals.<name>.code``, ``.status``, ``.message``; for jobs
                                    ``jobs.fail_code``, ``jobs.fail_message``
any word, code, status or date      ``words.<operation>.<field>`` (:mod:`batch.emulator.words`)
media at rest, unknown media        ``media.storage_classes``, ``media.restore_statuses``,
                                    ``media.unknown``
partial success                     ``submit.partial_success`` with ``submit.inactive_types``;
                                    fault kinds ``accept_one_type``, ``answer_one_type``
Types absent                        ``submit.types_absent``
Status of a media when submitting   ``submit.refused_statuses``
Throttling with x-acs-retry-after   ``quota.retry_after_ms``; fault kind ``throttle``
fault points                        ``faults``: drop_before, accept_then_drop, error_500,
                                    error_503, html_502, html, delay, hang, cut_body,
                                    empty_answer, refuse, other_job_id, repeat_answer
==================================  ==============================================================

Not here yet: events (Extend in them, the form of EventTime, duplicate, lost, early and out-of-order
callbacks). Events are not played.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from batch.emulator.accounts import AccessKey, AccountState
from batch.emulator.answers import REFUSALS, Refusal
from batch.emulator.faults import FaultRule
from batch.emulator.sections import (
    GatewaySettings,
    JobSettings,
    ListSettings,
    LookupSettings,
    MediaSettings,
    PriceSettings,
    QuotaSettings,
    SubmitSettings,
)
from batch.emulator.tables import SettingsError, build
from batch.emulator.words import Table, check_words


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. ``seed`` fixes job ids, request ids and every chance.

    ``accounts`` gives the state of an account, ``user_ids`` its UserId; an account that is not
    listed is in order and has a UserId made from its name.
    """

    host: str = "127.0.0.1"
    port: int = 8808
    region: str = "cn-shanghai"
    seed: int | None = None
    keepalive_seconds: float = 75.0
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    submit: SubmitSettings = field(default_factory=SubmitSettings)
    list_jobs: ListSettings = field(default_factory=ListSettings)
    lookup: LookupSettings = field(default_factory=LookupSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    prices: PriceSettings = field(default_factory=PriceSettings)
    access_keys: tuple[AccessKey, ...] = ()
    accounts: dict[str, AccountState] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    faults: tuple[FaultRule, ...] = ()
    words: Table = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse words that could never be said."""
        check_words(self.words)


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
