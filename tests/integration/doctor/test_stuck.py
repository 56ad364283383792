"""What no run moves by itself is said, with the way out; and the way out is one."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from batch.core.states import State
from batch.ledger.operators import Operators
from batch.settings import Settings
from tests.integration.doctor.conftest import UNTOLD
from tests.support.examining import examined, verdicts
from tests.support.ledger import Ledger, media

Make = Callable[[Ledger], Awaitable[object]]


async def _dead(ledger: Ledger) -> None:
    await ledger.put(1, State.SUBMITTING, await ledger.worker(silent_for=3600))


async def _ended(ledger: Ledger) -> None:
    await ledger.put(1, State.SUBMITTING, await ledger.worker(ended=True))


async def _forgotten(ledger: Ledger) -> None:
    worker = await ledger.worker()
    await ledger.put(1, State.SUBMITTING, worker)
    await ledger.sql.execute("DELETE FROM workers WHERE id = $1", worker)


async def _frozen(ledger: Ledger) -> None:
    await ledger.put(1, State.SUBMITTING)
    await ledger.sql.execute("UPDATE attempts SET begun_at = now() - interval '2 hours'")


async def _old_doubt(ledger: Ledger) -> None:
    await ledger.put(1, State.IN_DOUBT)
    await ledger.sql.execute("UPDATE attempts SET signed_at = now() - interval '2 days'")


async def _unknown_job(ledger: Ledger) -> None:
    await ledger.put(1, State.SUBMITTED)
    await ledger.sql.execute("UPDATE submissions SET error_code = 'JobUnknown'")


async def _endless_job(ledger: Ledger) -> None:
    await ledger.put(1, State.SUBMITTED)
    await ledger.sql.execute("UPDATE submissions SET submitted_at = now() - interval '60 days'")


async def _held(ledger: Ledger) -> None:
    await ledger.add([1, 2])
    operators = Operators(ledger.database, ledger.store.target)
    await operators.hold_batch(1, "1 of 5 canary submissions succeeded", "canary")


STUCK: list[tuple[Make, str, str, str]] = [
    (_dead, "stuck sends", "dead or unknown", "vod-batch reconcile"),
    (_ended, "stuck sends", "dead or unknown", "vod-batch reconcile"),
    (_forgotten, "stuck sends", "dead or unknown", "vod-batch reconcile"),
    (_frozen, "stuck sends", "(testhost, pid 1)", "end that process"),
    (_old_doubt, "stuck doubts", "1 submission(s) are in doubt since", "vod-batch resolve --all"),
    (_unknown_job, "stuck jobs", "the cloud does not know", "vod-batch resolve --all --disown"),
    (_endless_job, "stuck jobs", "without an end since", f"vod-batch why {media(1)}"),
    (_held, "held rows", "batch 1 is held since", "vod-batch resume --batch 1"),
]


@pytest.mark.parametrize(
    ("make", "name", "detail", "fix"), STUCK, ids=[stuck[0].__name__ for stuck in STUCK]
)
async def test_what_is_stuck_is_said_with_the_way_out(
    settings: Settings, ledger: Ledger, make: Make, name: str, detail: str, fix: str
) -> None:
    """A warning: runs go on beside it, so it ends no examination with a code."""
    await make(ledger)
    checks = await examined(settings)
    assert verdicts(checks) == {UNTOLD, (name, "warning", 0)}
    assert detail in checks[name].detail
    assert fix in checks[name].fix


async def test_what_moves_by_itself_is_not_stuck(settings: Settings, ledger: Ledger) -> None:
    """Sent just now, in doubt since this hour, a job of today, due tomorrow."""
    for number, state in enumerate(State):
        await ledger.put(number, state)
    await ledger.sql.execute(
        "UPDATE submissions SET due_at = now() + $1::interval WHERE state = 'pending'",
        timedelta(days=1),
    )
    checks = await examined(settings)
    assert verdicts(checks) == {UNTOLD}
    assert checks["stuck rows"].detail == "none"


async def test_the_way_out_of_a_forgotten_workers_row(settings: Settings, ledger: Ledger) -> None:
    """A worker without a row counts as dead: what it was sending comes into doubt, never due."""
    await _forgotten(ledger)
    [row] = await ledger.rows()
    assert await ledger.store.expire(15, "test") == [row["id"]]
    assert await ledger.state(row["id"]) is State.IN_DOUBT
    assert "stuck sends" not in await examined(settings)
