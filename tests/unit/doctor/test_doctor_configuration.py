"""Settings that contradict each other, each told with its fix, and the ones that do not."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from batch.doctor.check import Check
from batch.doctor.configuration import check_money, check_settings
from batch.settings import Settings, load_settings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Budgeted(Settings):
    """Settings with a limit of money."""

    night_budget: Decimal | None = None


def _with_budget(prices: object) -> Budgeted:
    return Budgeted.model_validate({"night_budget": 5, "prices": prices})


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOD_BATCH_SETTINGS", raising=False)


def _checks(settings: Settings) -> list[Check]:
    return list(check_settings(settings, NOON))


def _troubles(settings: Settings) -> list[tuple[str, int]]:
    return [(check.fix, int(check.code)) for check in _checks(settings) if check.fix]


CLOUD = "https://vod.cn-beijing.aliyuncs.com"
VPC = "https://vod-vpc.cn-beijing.aliyuncs.com"
POOLED = {"database_url": "postgresql://db/x", "database_pooled": True}


@pytest.mark.parametrize(
    ("wrong", "right", "code", "says"),
    [
        ({"endpoint": CLOUD}, {"endpoint": CLOUD, "region": "cn-beijing"}, 78, "REGION"),
        ({"endpoint": VPC}, {"endpoint": VPC, "region": "cn-beijing"}, 78, "REGION"),
        (POOLED, POOLED | {"database_direct_url": "postgresql://d/x"}, 78, "DIRECT_URL"),
        ({"database_pooled": True}, {"database_pooled": False}, 0, "DATABASE_URL"),
        ({"read_timeout": "40s"}, {"read_timeout": "30s"}, 0, "READ_TIMEOUT"),
        ({"connect_timeout": "31s"}, {"connect_timeout": "29s"}, 0, "CONNECT_TIMEOUT"),
        ({"grace": "5s"}, {"grace": "30s"}, 0, "GRACE"),
        ({"until": "06:00"}, {"until": "06:00", "timezone": "UTC"}, 0, "TIMEZONE"),
        ({"region": "eu-central-1"}, {"region": "ap-southeast-1"}, 78, "cn-shanghai"),
        (
            {"region": "ap-southeast-1", "type": ["AIVideoTag"]},
            {"region": "cn-beijing", "type": ["AIVideoTag"]}, 78, "cn-beijing",
        ),
    ],
)  # fmt: skip
def test_a_contradiction_is_reported_and_its_fix_resolves_it(
    wrong: dict[str, Any], right: dict[str, Any], code: int, says: str
) -> None:
    """One line with the fix; none where the settings agree."""
    ((fix, told),) = _troubles(Settings.model_validate(wrong))
    assert (told, says in fix) == (code, True), fix
    assert _troubles(Settings.model_validate(right)) == []


def test_a_budget_needs_a_price_for_every_type() -> None:
    """Whatever the limit is called; a region's own price counts."""
    price = {"AIMediaDNA": "0.05"}
    for prices in ({}, {"AIVideoTag": "0.3"}, {"cn-beijing": price}):
        check = check_money(_with_budget(prices))
        assert (check.code, "prices" in check.fix) == (78, True)
    assert check_money(_with_budget(price)).passed
    assert check_money(_with_budget({"cn-shanghai": price})).passed
    assert check_money(Budgeted.model_validate({})).detail == "no budget, no prices"


def test_the_budget_in_force_is_shown_and_where_it_is_kept() -> None:
    """In money, with the price of each type."""
    check = check_money(_with_budget({"AIMediaDNA": "0.05"}), ["prices", "currency"])
    assert check.detail == (
        "night_budget 5.00 CNY, AIMediaDNA 0.05 a minute; kept with the target: prices, currency"
    )


def test_the_sources_in_force_are_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file, the variables, and which of its keys they overrule; never a value."""
    assert "no settings file" in _checks(load_settings())[0].detail
    Path("vod-batch.toml").write_text('qps = 5\ncampaign = "file"\n')
    monkeypatch.setenv("VOD_BATCH_QPS", "7")
    monkeypatch.setenv("VOD_BATCH_DATABASE_URL", "postgresql://me:hush-hush@db/x")
    detail = _checks(load_settings())[0].detail
    assert f"file {tmp_path}/vod-batch.toml" in detail
    assert "environment VOD_BATCH_DATABASE_URL, VOD_BATCH_QPS" in detail
    assert detail.endswith("overrules the file's qps")
    assert "hush" not in detail


def test_the_quota_and_its_pace_are_shown() -> None:
    """As set, a second and an hour."""
    (quota,) = [
        check for check in _checks(Settings.model_validate({"qps": 30})) if check.name == "quota"
    ]
    assert quota.detail.startswith("30 calls a second (--qps); all workers together send 28.9")
    assert quota.detail.endswith("103,896 an hour")
