"""How a reconcile ends that is kept from its end: what it left is told, in words and code."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from batch.errors import AccountStoppedError, ExitCode
from batch.vod.credentials import CredentialSource
from tests.support.night import KEY, Night
from tests.support.settling import Morning, reconciled


async def test_what_a_deadline_left_unasked_is_reported(
    morning_under: Callable[[str], Morning],
) -> None:
    """Whatever a stop kept from being asked is counted as open all the same."""
    morning = morning_under("[jobs]\nfinished_after_seconds = 3600")
    await morning.doubt([1])
    await morning.witness()
    source = CredentialSource(lambda: KEY)
    summary = await reconciled(morning.settings(), source, once=False, ends_at=datetime.now(UTC))
    assert summary.open_jobs + summary.in_doubt == 2
    assert ExitCode.CARRIED_OVER in summary.exit_codes


async def test_a_look_up_that_the_account_may_not_make_ends_it(morning: Morning) -> None:
    """Arrears are met by the first look-up: nothing is asked again and again."""
    await morning.doubt([1])
    morning.night.emulator.account("arrears")
    with pytest.raises(AccountStoppedError, match="arrears"):
        await morning.reconcile(once=False)
    asked = morning.night.emulator.meter()["requests"]
    assert asked["ListJobInfo"] == 1


async def test_a_cloud_that_gives_no_answer_is_reported_as_such(morning: Morning) -> None:
    """After ten calls in a row without one it ends, with 69."""
    await morning.night.ledger.add(range(100))
    await morning.night.submit()
    morning.night.emulator.fault("drop_before", action="ListAIJob")
    summary = await morning.reconcile(once=False)
    assert summary.gave_up
    assert ExitCode.UNAVAILABLE in summary.exit_codes


async def test_a_run_gives_the_signals_back(night: Night) -> None:
    """Afterwards a signal does what it did before: a command unwinds."""

    def own(_number: int, _frame: object) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGTERM, own)
    try:
        await night.submit()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
