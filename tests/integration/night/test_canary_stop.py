"""A night that is told to stop while it follows its canaries sends nothing more."""

import signal

from tests.integration.night.conftest import MakeShift
from tests.support.waiting import PATIENCE, eventually


def test_a_stop_while_canaries_are_followed_ends_the_night(make_shift: MakeShift) -> None:
    """SIGTERM holds for the whole night: no other batch is begun, the next night takes them up."""
    shift = make_shift(
        "[jobs]\nfinished_after_seconds = 3600\n", VOD_BATCH_CANARY=5, VOD_BATCH_CANARY_WAIT="1h"
    )
    shift.drop("a.csv", range(12))
    shift.drop("small.csv", range(100, 103))
    with shift.console.started("nightly", str(shift.inbox)) as running:
        eventually(lambda: shift.emulator.meter()["requests"].get("ListAIJob"), "a poll")
        running.send_signal(signal.SIGTERM)
        told, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 5
    assert "asked to stop" in told
    assert shift.emulator.submits() == 5
    assert shift.states() == {"submitted": 5, "pending": 10}
