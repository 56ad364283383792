"""Every state against every statement: what moves, and what stays where it is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from batch.core.existing import FoundJob
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.existing import ExistingLedger
from tests.support.ledger import DNA, Ledger, utc_now

S = State
Rows = dict[State, int]
OUTCOMES: dict[str, dict[str, Any]] = {
    "accepted": {"outcome": "accepted", "to_state": S.SUBMITTED, "job_id": "late-job-"},
    "throttled": {"outcome": "throttled", "to_state": S.PENDING, "code": "T", "counts": False},
    "refused": {"outcome": "refused", "to_state": S.REJECTED, "code": "R"},
    "not sent": {"outcome": "not_sent", "to_state": S.PENDING, "message": "closed port"},
    "not sent, used up": {"outcome": "not_sent", "to_state": S.DEAD, "message": "closed port"},
    "in doubt": {"outcome": "in_doubt", "to_state": S.IN_DOUBT, "message": "silence"},
    "account stopped": {
        "outcome": "account_stopped", "to_state": S.PENDING, "code": "A", "counts": False,
    },
}  # fmt: skip
RECORDED: dict[str, dict[State, State]] = {
    "accepted": {
        S.SUBMITTING: S.SUBMITTED, S.IN_DOUBT: S.SUBMITTED,
        # Given back as never sent, and yet here is its receipt.
        S.PENDING: S.SUBMITTED,
    },
    "throttled": {S.SUBMITTING: S.PENDING, S.IN_DOUBT: S.PENDING},
    "refused": {S.SUBMITTING: S.REJECTED, S.IN_DOUBT: S.REJECTED},
    "not sent": {S.SUBMITTING: S.PENDING, S.IN_DOUBT: S.PENDING},
    "not sent, used up": {S.SUBMITTING: S.DEAD, S.IN_DOUBT: S.DEAD},
    "in doubt": {S.SUBMITTING: S.IN_DOUBT},
    "account stopped": {S.SUBMITTING: S.PENDING, S.IN_DOUBT: S.PENDING},
}  # fmt: skip


async def _moves(
    ledger: Ledger, statement: Callable[[Rows], Awaitable[object]], *, silent_for: float = 0.0
) -> dict[State, State]:
    """Put a row into each state, run ``statement``, and return where those that moved went."""
    worker = await ledger.worker(silent_for=silent_for)
    rows = {state: await ledger.put(n, state, worker) for n, state in enumerate(State)}
    await statement(rows)
    after = {state: await ledger.state(row) for state, row in rows.items()}
    await ledger.check()
    return {state: now for state, now in after.items() if now is not state}


async def _record(ledger: Ledger, rows: Rows, name: str, *, lease_offset: int = 0) -> set[int]:
    leases = {state: (await ledger.row(row))["lease"] for state, row in rows.items()}
    verdicts = [
        Verdict(row, leases[state] + lease_offset, **OUTCOMES[name]) for state, row in rows.items()
    ]
    # A JobId is one submission's.
    verdicts = [
        replace(one, job_id=f"{one.job_id}{one.submission_id}") if one.job_id else one
        for one in verdicts
    ]
    return set(await ledger.store.record(verdicts, "test"))


@pytest.mark.parametrize("name", OUTCOMES)
async def test_record_moves_what_is_open_only(ledger: Ledger, name: str) -> None:
    """An outcome moves what is being sent or in doubt; what is settled stays, and says so."""

    async def record(rows: Rows) -> None:
        unmoved = await _record(ledger, rows, name)
        assert unmoved == {row for state, row in rows.items() if state not in RECORDED[name]}
        for row in rows.values():
            (attempt,) = await ledger.attempts(row)
            assert attempt["outcome"] == OUTCOMES[name]["outcome"]
            job_id = f"late-job-{row}" if "job_id" in OUTCOMES[name] else None
            assert attempt["job_id"] == job_id

    assert await _moves(ledger, record) == RECORDED[name]


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("lease_offset", [-1, 1])
async def test_record_with_another_lease_moves_nothing(
    ledger: Ledger, name: str, lease_offset: int
) -> None:
    """An outcome of another claim moves no row in any state."""

    async def record(rows: Rows) -> None:
        unmoved = await _record(ledger, rows, name, lease_offset=lease_offset)
        assert unmoved == set(rows.values())

    assert await _moves(ledger, record) == {}


async def test_begin_moves_pending_only(ledger: Ledger) -> None:
    """Only what is pending is claimed."""

    async def begin(rows: Rows) -> None:
        claims = await ledger.begin(100)
        assert [m.id for claim in claims for m in claim.members] == [rows[S.PENDING]]

    assert await _moves(ledger, begin) == {S.PENDING: S.SUBMITTING}


async def test_expire_moves_what_a_dead_worker_was_sending_only(ledger: Ledger) -> None:
    """Of a dead worker's rows those that it was sending come into doubt, no other."""

    async def expire(rows: Rows) -> None:
        assert await ledger.store.expire(15, "test") == [rows[S.SUBMITTING]]

    moved = await _moves(ledger, expire, silent_for=16)
    assert moved == {S.SUBMITTING: S.IN_DOUBT}


async def test_expire_leaves_a_living_worker_alone(ledger: Ledger) -> None:
    """No row of a worker that was heard of lately moves."""
    assert await _moves(ledger, lambda _: ledger.store.expire(15, "test")) == {}


async def test_give_back_moves_what_is_being_sent_only(ledger: Ledger) -> None:
    """A worker's unrecorded claims go back to pending; its settled rows stay."""

    async def give_back(rows: Rows) -> None:
        worker = (await ledger.row(rows[S.SUBMITTING]))["worker_id"]
        nonces = {(await ledger.attempts(row))[-1]["nonce"]: state for state, row in rows.items()}
        given_back = await ledger.store.give_back(worker, list(nonces))
        assert [nonces[nonce] for nonce in given_back] == [S.SUBMITTING]

    assert await _moves(ledger, give_back) == {S.SUBMITTING: S.PENDING}


async def test_an_existing_job_is_given_to_what_is_pending_only(ledger: Ledger) -> None:
    """What waits to be sent adopts a job that the cloud had made before, and binds nothing."""

    async def adopt(rows: Rows) -> None:
        existing = ExistingLedger(ledger.database, ledger.store.target)
        given = [
            (row, FoundJob(f"there-{row}", "any", DNA, False, None, utc_now()))
            for row in rows.values()
        ]
        assert [one.id for one in await existing.adopt(given, "test")] == [rows[S.PENDING]]
        row = await ledger.row(rows[S.PENDING])
        assert (row["price"], row["seconds"], row["amount"], row["run_id"]) == (0, 0, None, None)

    assert await _moves(ledger, adopt) == {S.PENDING: S.SUBMITTED}


async def test_what_waits_for_an_existing_job_stays_pending(ledger: Ledger) -> None:
    """Putting off moves no state, and touches nothing but what is pending."""

    async def put_off(rows: Rows) -> None:
        existing = ExistingLedger(ledger.database, ledger.store.target)
        reasons = dict.fromkeys(rows.values(), "it runs")
        hour = timedelta(hours=1)
        assert await existing.put_off(reasons, "Existing.Waits", hour, "test") == {rows[S.PENDING]}
        assert await ledger.begin(100) == []

    assert await _moves(ledger, put_off) == {}
