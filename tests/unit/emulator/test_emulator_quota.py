"""The sliding second, and the meter's busiest one (``vod-api.md`` 1.5)."""

from typing import TYPE_CHECKING

import pytest

from batch.emulator.meter import Pace
from batch.emulator.quota import Quota
from batch.emulator.settings import DEFAULT_LIMITS, QuotaSettings

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import StartEmulator


def test_the_call_above_the_limit_in_any_second_is_refused() -> None:
    quota = Quota(QuotaSettings(limits={"A": 3}))
    # Eighths of a second are exact in floating point.
    times = [0.0, 0.5, 0.75, 0.875, 1.0, 1.25, 1.4375, 1.5, 1.625, 1.75]

    admitted = [now for now in times if quota.admits("account", "A", now)]

    assert admitted == [0.0, 0.5, 0.75, 1.0, 1.5, 1.75]


def test_refused_calls_count_when_so_set() -> None:
    quota = Quota(QuotaSettings(limits={"A": 1}, count_refused=True))

    assert [quota.admits("account", "A", now) for now in (0.0, 0.75, 1.5, 2.5)] == [
        True,
        False,
        False,
        True,
    ]


def test_accounts_and_actions_have_their_own_second() -> None:
    quota = Quota(QuotaSettings(limits={"A": 1, "B": 1}))
    calls = [("x", "A"), ("x", "B"), ("y", "A"), ("x", "A")]

    assert [quota.admits(*call, 0.0) for call in calls] == [True, True, True, False]


def test_zero_is_no_limit_and_limits_change_while_running() -> None:
    quota = Quota(QuotaSettings(limits={"A": 0}))
    assert all(quota.admits("x", "A", 0.0) for _ in range(1000))

    quota.limits.update({"A": 1})

    assert [quota.admits("x", "A", 0.0) for _ in range(2)] == [True, False]
    assert quota.limits == {**DEFAULT_LIMITS, "A": 1}


def test_limits_of_the_dossier() -> None:
    assert DEFAULT_LIMITS == {
        "SubmitAIJob": 30,
        "ListAIJob": 100,
        "ListJobInfo": 15,
        "GetJobDetail": 15,
        "GetMediaDNAResult": 20,
        "GetAIVideoTagResult": 10,
        "GetVideoInfos": 100,
        "SearchMedia": 50,
    }


def test_busiest_second_is_exact() -> None:
    pace = Pace()
    for now in (10.0, 10.5, 10.999, 11.0, 11.4, 11.499, 20.0):
        pace.count(now, now)

    assert pace.busiest == 5  # 10.5, 10.999, 11.0, 11.4, 11.499
    assert pace.rate() == pytest.approx(0.6)


@pytest.mark.parametrize(("retry_after", "header"), [(0, None), (1500, "1500")])
async def test_throttled_answer(
    start_emulator: "StartEmulator", retry_after: int, header: str | None
) -> None:
    emulator = await start_emulator(
        f"quota = {{limits = {{SubmitAIJob = 2}}, retry_after_ms = {retry_after}}}"
    )
    replies = [await emulator.submit(f"m{number}") for number in range(4)]
    emulator.clock.turn(1.0)
    later = await emulator.submit("m9")
    meter = await emulator.meter()

    assert [reply.code for reply in replies] == ["OK", "OK", "Throttling.User", "Throttling.User"]
    assert replies[3].status == 400
    assert replies[3].json["Message"] == "Request was denied due to user flow control."
    assert replies[3].headers.get("x-acs-retry-after") == header
    assert later.code == "OK"
    assert (meter["throttled"], meter["busiest_second"], meter["jobs"]) == (2, 4, 3)
    assert meter["answers"] == {"OK": 3, "Throttling.User": 2}
    assert meter["requests"] == {"SubmitAIJob": 5}
    assert meter["submit_rate"] == pytest.approx(4.0)
    assert meter["first_submit_at"]["wall"] == "2026-01-02T03:04:05.250000Z"
    assert meter["last_submit_at"] == {"monotonic": 1001.0, "wall": "2026-01-02T03:04:06.250000Z"}


async def test_the_quota_can_be_changed_by_an_admin_call(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator()
    refused = await emulator.post("quota", {"SubmitAIJob": -1})
    await emulator.post("quota", {"SubmitAIJob": 1})

    assert refused == 400
    assert [(await emulator.submit()).code for _ in range(2)] == ["OK", "Throttling.User"]
