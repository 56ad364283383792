"""A pause that the cloud asks for may outlast the date of requests that wait for its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from batch.core.states import State
from batch.submit.sending import AttemptReport
from tests.support.cloud import Emulator
from tests.support.ledger import Ledger
from tests.support.night import Night


class _OnFirst(list[AttemptReport]):
    """Calls ``act`` at the first report."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def append(self, report: AttemptReport) -> None:
        """Keep the report."""
        if not self:
            self._act()
        super().append(report)


async def test_a_request_whose_date_grew_old_is_begun_anew(
    ledger: Ledger, start_emulator: Callable[[str], Emulator], tmp_path: Path
) -> None:
    """Twenty minutes pass in a pause: what waited is not sent with its old date."""
    await ledger.add(range(8))
    emulator = start_emulator("")
    emulator.fault("throttle", count=1, retry_after=1500)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:

        def pass_twenty_minutes() -> None:
            clock.shift(timedelta(minutes=20))
            emulator.move_clock(hours=1 / 3)

        night = Night(ledger, emulator, tmp_path, reports=_OnFirst(pass_twenty_minutes))
        summary = await night.submit(qps=4.0, skip_existing="never")
    assert summary.states[State.SUBMITTED] == 8
    assert summary.account is None
    assert emulator.meter()["answers"] == {"Throttling.User": 1, "OK": 8}
    await night.check(submitted=8)
