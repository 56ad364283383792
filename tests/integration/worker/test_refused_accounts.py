"""A cloud that refuses every row for a reason that lies in none of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batch.core.outcome import StopCause
from batch.core.states import State
from batch.errors import ExitCode, most_urgent
from batch.submit.tally import StopReason
from batch.vod.credentials import Credentials
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, media
from tests.support.night import Night

KNOWN = [
    ("InsufficientBalance", 400, StopCause.ARREARS, ExitCode.UNAVAILABLE),
    ("IllegalTimestamp", 400, StopCause.CLOCK, ExitCode.CONFIGURATION),
    ("Forbidden.RiskControl", 403, StopCause.RISK_CONTROL, ExitCode.UNAVAILABLE),
]


@pytest.mark.parametrize(("code", "status", "cause", "exit_code"), KNOWN)
async def test_a_refused_account_rejects_no_row(
    night: Night, code: str, status: int, cause: StopCause, exit_code: ExitCode
) -> None:
    """300 of 300 rows are given back at the first such answer, and the run is no success."""
    night.emulator.fault("refuse", code=code, status=status)
    await night.ledger.add(range(300))
    summary = await night.submit()
    assert summary.account
    assert summary.account.cause is cause
    assert most_urgent(*summary.exit_codes) is exit_code
    assert summary.requests <= 8
    await night.check(pending=300)


@pytest.mark.parametrize(
    ("code", "cause", "exit_code"),
    [
        ("AccessDenied", StopCause.PERMISSION, ExitCode.PERMISSION),
        ("OperationDenied", StopCause.NOT_ACTIVE, ExitCode.UNAVAILABLE),
    ],
)
async def test_a_refusal_that_may_be_one_medias_is_asked_all_over_the_lists(
    night: Night, code: str, cause: StopCause, exit_code: ExitCode
) -> None:
    """Ten in a row: it is the account's, no row is rejected, and none is in doubt."""
    night.emulator.fault("refuse", code=code, status=403)
    await night.ledger.add(range(300))
    summary = await night.submit(concurrency=3)
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert summary.account
    assert summary.account.cause is cause
    assert most_urgent(*summary.exit_codes) is exit_code
    assert 10 <= summary.requests <= 13
    await night.check(pending=300)


@pytest.mark.parametrize("types", [(DNA,), (DNA, TAG)])
@pytest.mark.parametrize("makes_jobs", [False, True])
async def test_an_unknown_code_that_refuses_all_over_the_lists_stops_the_account(
    night: Night, start_emulator: Callable[[str], Emulator], types: Any, *, makes_jobs: bool
) -> None:
    """Ten probes: the rest is given back, and what was tried is in doubt, paid for or not."""
    if makes_jobs:
        toml = '[refusals.internal_error]\ncode = "Account.Frozen"\nstatus = 403'
        night = replace(night, emulator=start_emulator(toml))
        night.emulator.fault("error_500", execute=True)
    else:
        night.emulator.fault("refuse", code="Account.Frozen", status=403)
    for batch in range(3):
        await night.ledger.add(range(batch * 100, batch * 100 + 100), *types)
    summary = await night.submit(concurrency=3)
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert summary.account
    assert (summary.account.code, summary.account.cause) == (
        "Account.Frozen", StopCause.EVERY_PROBE,
    )  # fmt: skip
    assert most_urgent(*summary.exit_codes) is ExitCode.UNAVAILABLE
    tried = summary.requests
    assert 10 <= tried <= 13
    doubts = tried * len(types)
    await night.check(pending=300 * len(types) - doubts, in_doubt=doubts)
    assert not summary.states.get(State.REJECTED)
    batches = {row["batch_id"] for row in await night.ledger.rows() if row["lease"]}
    assert len(batches) == 3


async def test_all_rows_of_a_short_run_refused_by_one_unknown_code(night: Night) -> None:
    """Fewer than ten rows, all of them refused alike: no row is to blame."""
    night.emulator.fault("refuse", code="Account.Frozen", status=403)
    await night.ledger.add(range(4))
    summary = await night.submit()
    assert most_urgent(*summary.exit_codes) is ExitCode.UNAVAILABLE
    await night.check(in_doubt=4)
    for row in await night.ledger.rows():
        *_, last = await night.ledger.history(row["id"])
        assert (last["from_state"], last["to_state"]) == ("submitting", "in_doubt")
        assert last["actor"].startswith("submit ")
        assert "Account.Frozen" in last["reason"]


@pytest.mark.parametrize(
    ("code", "state", "exit_code"),
    [
        ("InvalidVideo.NotFound", State.REJECTED, ExitCode.DONE_WITH_FAILURES),
        ("Brand.New", State.IN_DOUBT, ExitCode.DONE_WITH_DOUBTS),
    ],
)
async def test_bad_media_at_the_top_of_a_list_stop_nothing(
    night: Night, code: str, state: State, exit_code: ExitCode
) -> None:
    """Forty of them, documented or not: rows from elsewhere are accepted, and all are tried."""
    night.emulator.fault("refuse", code=code, status=404, media_ids=[media(n) for n in range(40)])
    await night.ledger.add(range(200))
    summary = await night.submit(concurrency=4)
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.exit_codes == (exit_code,)
    await night.check(**{state.value: 40}, submitted=160)


async def test_a_balance_that_runs_out_gives_the_rest_back(night: Night) -> None:
    """What was accepted before says nothing against an account that is refused from now on."""
    night.emulator.fault("refuse", code="Account.Frozen", status=403, after=50)
    await night.ledger.add(range(300))
    summary = await night.submit(concurrency=2)
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    now = await night.ledger.states()
    assert now[State.SUBMITTED] == 50
    assert 10 <= now[State.IN_DOUBT] <= 12
    assert State.REJECTED not in now


async def test_too_many_rejections_are_no_success(night: Night) -> None:
    """The guard's stop ends with 69: a monitor must not hear that all went well."""
    night.emulator.fault("refuse", code="InvalidVideo.NotFound", status=404)
    await night.ledger.add(range(60))
    summary = await night.submit(guard_window=20, concurrency=2)
    assert summary.stopped_by is StopReason.FAILURES
    assert most_urgent(*summary.exit_codes) is ExitCode.UNAVAILABLE


async def test_a_token_that_ends_in_the_middle_is_asked_for_again(night: Night) -> None:
    """Its source gives another one: every row is sent, once, and the run goes on."""
    await night.ledger.add(range(20))
    keys = [Credentials("testid", "ended"), Credentials("testid", "testsecret")]

    summary = await night.submit(load=lambda: keys.pop(0) if len(keys) > 1 else keys[0])
    assert summary.exit_codes == ()
    assert summary.account is None
    await night.check(submitted=20)


async def test_a_key_that_stays_refused_stops_the_run(night: Night, emulator: Emulator) -> None:
    await night.ledger.add(range(20))
    made = iter(range(1000))

    summary = await night.submit(load=lambda: Credentials("testid", f"wrong{next(made)}"))
    assert summary.exit_codes == (ExitCode.PERMISSION, ExitCode.CARRIED_OVER)
    assert emulator.submits() <= 20
    await night.check(pending=20)
