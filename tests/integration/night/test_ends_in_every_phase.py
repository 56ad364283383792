"""A night that ends while it loads or looks: by its time or a signal, with its page."""

import os
import signal
from pathlib import Path

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media
from tests.support.shift import Shift
from tests.support.waiting import eventually

_SLOW = {"VOD_BATCH_PREFLIGHT_QPS": "1"}


def test_a_look_ends_with_the_night_and_goes_on_the_next(make_shift: MakeShift) -> None:
    """A call a second of twenty media: no more than some of them are seen."""
    shift = make_shift(**_SLOW)
    shift.drop("a.csv", range(300))
    facts = shift.facts("--max-duration", "3s", code=5)
    look = facts["preflight"]
    assert look["is_cut_short"]
    assert 0 < look["looked_at"] < 300
    console = shift.console.having(VOD_BATCH_PREFLIGHT_QPS="1000")
    quick = Shift(console, shift.emulator, shift.inbox)
    quick.run(code=0)
    assert quick.states() == {"succeeded": 300}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_look_with_a_page(make_shift: MakeShift, number: signal.Signals) -> None:
    """Nothing is sent after it."""
    shift = make_shift(**_SLOW)
    shift.drop("a.csv", range(300))
    with shift.console.started("nightly", str(shift.inbox)) as night:
        eventually(lambda: shift.emulator.asked("GetVideoInfos") > 0, "the first look")
        os.kill(night.pid, number)
        told, _ = night.communicate(timeout=60)
    assert night.returncode == 5
    assert "(exit code 5)" in told
    assert "the night ended before" in told
    assert shift.emulator.submits() == 0
    assert shift.states() == {"pending": 300}


def test_a_list_that_is_being_loaded_waits_for_the_next_night(make_shift: MakeShift) -> None:
    """The load is taken back; the list and the one behind it stay in the inbox, and are named."""
    shift = make_shift()
    _large(shift.inbox / "a.csv")
    shift.settle(shift.inbox / "a.csv")
    shift.drop("b.csv", [1])
    facts = shift.facts("--max-duration", "300ms", code=5)
    assert facts["not_reached"] == ["a.csv", "b.csv"]
    assert shift.states() == {}
    assert {path.name for path in shift.inbox.glob("*.csv")} == {"a.csv", "b.csv"}


def _large(path: Path) -> None:
    path.write_text("".join(f"{media(number)}\n" for number in range(300_000)))


def test_no_more_is_looked_at_than_can_be_sent(make_shift: MakeShift) -> None:
    """What a cap keeps for later nights is looked at then."""
    shift = make_shift()
    shift.drop("a.csv", range(300))
    facts = shift.facts("--max-submissions", "50", code=5)
    assert 50 <= facts["preflight"]["looked_at"] <= 50 + 4 * 20
