"""The table of moves: the same in three places, and held by the database."""

import re
from pathlib import Path

import asyncpg
import pytest

from batch.core.states import TERMINAL, TRANSITIONS, State
from tests.support.ledger import WITH_JOB, Ledger

PAGE = Path(__file__).parents[3] / "docs" / "states.md"
NOT_ALLOWED = [
    (before, after)
    for before in State
    for after in State
    if before is not after and (before, after) not in TRANSITIONS
]


async def test_sql_and_python_hold_the_same_table(ledger: Ledger) -> None:
    """The table in the migrations is the one in core/states.py."""
    rows = await ledger.sql.fetch("SELECT from_state, to_state FROM transitions")
    assert {(State(a), State(b)) for a, b in rows} == TRANSITIONS


def test_the_page_and_python_hold_the_same_table() -> None:
    """The table in docs/states.md is the one in core/states.py."""
    names = "|".join(State)
    row = re.compile(rf"\|\s*`?({names})`?\s*\|\s*`?({names})`?\s*\|")
    pairs = [row.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    assert {(State(pair[1]), State(pair[2])) for pair in pairs if pair} == TRANSITIONS


async def test_no_other_move_is_possible(ledger: Ledger) -> None:
    """For every pair that is not in the table the trigger refuses, and nothing is written."""
    rows = {state: await ledger.put(n, state) for n, state in enumerate(State)}
    for before, after in NOT_ALLOWED:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await ledger.move(rows[before], after)
        assert caught.value.constraint_name == "submissions_transition", (before, after)
        assert f"{before} (lease" in str(caught.value)
    assert {state: await ledger.state(row) for state, row in rows.items()} == {s: s for s in State}
    await ledger.check()


@pytest.mark.parametrize(("before", "after"), sorted(TRANSITIONS))
async def test_every_move_of_the_table_is_written_down(
    ledger: Ledger, before: State, after: State
) -> None:
    """An allowed move leaves a line of history: from, to, lease, who and why."""
    submission = await ledger.put(1, before)
    lease = await ledger.move(submission, after)
    last = (await ledger.history(submission))[-1]
    told = (last["from_state"], last["to_state"], last["lease"], last["actor"], last["reason"])
    assert told == (before, after, lease, "test", "put there")
    await ledger.check()


async def test_a_change_without_a_move_is_no_history(ledger: Ledger) -> None:
    """Touching a row without moving it writes no line."""
    submission = await ledger.put(1, State.SUBMITTED)
    before = len(await ledger.history(submission))
    await ledger.sql.execute("UPDATE submissions SET request_id = 'R' WHERE id = $1", submission)
    assert len(await ledger.history(submission)) == before


async def test_a_submission_starts_as_pending(ledger: Ledger) -> None:
    """No row comes into being in another state."""
    with pytest.raises(asyncpg.CheckViolationError, match="starts as pending, not as submitted"):
        await ledger.sql.execute(
            "INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, "
            "campaign, priority, state) "
            "VALUES (1, 1, 1, 'm', 'AIMediaDNA', '', 'c', 0, 'submitted')"
        )


@pytest.mark.parametrize("state", State)
async def test_a_lease_never_falls(ledger: Ledger, state: State) -> None:
    """In no state may the lease of a row go down."""
    submission = await ledger.put(1, state)
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await ledger.sql.execute(
            "UPDATE submissions SET attempts = 0, lease = lease - 1 WHERE id = $1", submission
        )
    assert caught.value.constraint_name == "submissions_transition"


async def test_attempts_never_pass_the_lease(ledger: Ledger) -> None:
    """More attempts than leases cannot be: each attempt took one."""
    submission = await ledger.put(1, State.SUBMITTED)
    with pytest.raises(asyncpg.CheckViolationError):
        await ledger.sql.execute("UPDATE submissions SET attempts = attempts + 1")
    assert (await ledger.row(submission))["attempts"] == 1


@pytest.mark.parametrize("state", State)
async def test_a_job_id_is_tied_to_the_states_that_have_one(ledger: Ledger, state: State) -> None:
    """A JobId stands exactly where the cloud made a job; submitted_at goes with it."""
    submission = await ledger.put(1, state)
    row = await ledger.row(submission)
    assert (row["job_id"] is not None) == (row["submitted_at"] is not None) == (state in WITH_JOB)
    other = None if state in WITH_JOB else "job"
    with pytest.raises(asyncpg.CheckViolationError):
        await ledger.sql.execute(
            "UPDATE submissions SET job_id = $2, submitted_at = CASE WHEN $2::text IS NOT NULL "
            "THEN now() END WHERE id = $1",
            submission, other,
        )  # fmt: skip


@pytest.mark.parametrize("state", State)
async def test_finished_at_is_tied_to_the_terminal_states(ledger: Ledger, state: State) -> None:
    """finished_at stands exactly in the states that never change by themselves."""
    submission = await ledger.put(1, state)
    assert ((await ledger.row(submission))["finished_at"] is not None) == (state in TERMINAL)
    with pytest.raises(asyncpg.CheckViolationError):
        await ledger.sql.execute(
            "UPDATE submissions SET finished_at = CASE WHEN finished_at IS NULL THEN now() END "
            "WHERE id = $1",
            submission,
        )


@pytest.mark.parametrize(
    ("state", "column"),
    [
        (State.SUBMITTING, "worker_id"),
        (State.REJECTED, "error_code"),
        (State.DEAD, "error_code"),
    ],
)
async def test_a_state_has_what_explains_it(ledger: Ledger, state: State, column: str) -> None:
    """What is being sent names its worker; what was given up names its error."""
    submission = await ledger.put(1, state)
    with pytest.raises(asyncpg.CheckViolationError):
        await ledger.sql.execute(
            f"UPDATE submissions SET {column} = NULL WHERE id = $1", submission
        )
