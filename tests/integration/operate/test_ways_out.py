"""Every state that can move has a command for it: the grid of states and commands, walked."""

from collections.abc import Awaitable, Callable

import pytest

from batch.core.states import State
from tests.support.console import Console
from tests.support.ledger import Ledger
from tests.support.night import Night
from tests.support.settling import strange_job

S = State
Row = tuple[State, bool]
"""Where a submission stands, and whether it is held."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "submit": ("submit",),
    "reconcile": ("reconcile", "--once", "--settle", "1ms"),
    "retry": ("retry", "--all", "--yes"),
    "cancel": ("cancel", "--all", "--yes"),
    "pause": ("pause", "--state", "pending", "--yes"),
    "resume": ("resume", "--state", "pending", "--yes"),
    "resolve --absent": ("resolve", "--all", "--absent", "--yes"),
    "resolve --resend": ("resolve", "--all", "--resend", "--yes"),
    "resolve --disown": ("resolve", "--all", "--disown", "--yes"),
}
MOVES: dict[str, dict[Row, Row]] = {
    "submit": {
        (S.PENDING, False): (S.SUBMITTED, False),
        (S.SUBMITTING, False): (S.IN_DOUBT, False),
    },
    # The one in doubt has a job at the cloud, which has ended; of the one on the wire the stand-in,
    # which is believed, knows none.
    "reconcile": {
        (S.SUBMITTING, False): (S.PENDING, False),
        (S.IN_DOUBT, False): (S.SUCCEEDED, False),
    },
    "retry": {
        (S.FAILED, False): (S.PENDING, False),
        (S.REJECTED, False): (S.PENDING, False),
        (S.DEAD, False): (S.PENDING, False),
    },
    "cancel": {
        (S.PENDING, False): (S.CANCELLED, False),
        (S.PENDING, True): (S.CANCELLED, False),
    },
    "pause": {(S.PENDING, False): (S.PENDING, True)},
    "resume": {(S.PENDING, True): (S.PENDING, False)},
    "resolve --absent": {(S.IN_DOUBT, False): (S.PENDING, False)},
    "resolve --resend": {(S.IN_DOUBT, False): (S.PENDING, False)},
    "resolve --disown": {(S.SUBMITTED, False): (S.IN_DOUBT, False)},
}
"""What each command makes of each row that it moves; it leaves all others as they are."""

ENDS = {State.SUCCEEDED, State.CANCELLED}
"""Nobody moves these: to pay again takes another campaign."""

ROWS: list[Row] = [*((state, False) for state in State), (State.PENDING, True)]


async def _rows(night: Night) -> dict[Row, int]:
    """Put a row into each place, of a worker that is dead; the doubt has a job at the cloud."""
    ledger = night.ledger
    worker = await ledger.worker(ended=True)
    rows = {row: await ledger.put(n, row[0], worker) for n, row in enumerate(ROWS)}
    hold = await ledger.sql.fetchval(
        "INSERT INTO holds (target_id, scope, held_by, reason) VALUES ($1, 'rows', 'test', 'test') "
        "RETURNING id", ledger.store.target.id,
    )  # fmt: skip
    await ledger.sql.execute(
        "UPDATE submissions SET hold_id = $1 WHERE id = $2", hold, rows[State.PENDING, True]
    )
    await ledger.sql.execute(
        "UPDATE submissions SET error_code = 'JobUnknown' WHERE state = 'submitted'"
    )
    strange_job(night.emulator, ROWS.index((State.IN_DOUBT, False)))
    return rows


async def _now(ledger: Ledger, rows: dict[Row, int]) -> dict[Row, Row]:
    found = {row["id"]: row for row in await ledger.rows()}
    return {
        row: (State(found[id_]["state"]), found[id_]["hold_id"] is not None)
        for row, id_ in rows.items()
    }


@pytest.fixture
async def moves(night: Night, console: Console) -> Callable[[str], Awaitable[dict[Row, Row]]]:
    """Run one command on rows in every place, and say which it moved where."""

    async def run(command: str) -> dict[Row, Row]:
        rows = await _rows(night)
        console.run(*COMMANDS[command], code=None)
        now = await _now(night.ledger, rows)
        await night.ledger.check()
        return {row: stands for row, stands in now.items() if stands != row}

    return run


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_moves_what_it_says(
    moves: Callable[[str], Awaitable[dict[Row, Row]]], command: str
) -> None:
    """One row in each state, one of them held; what moved, and where to, is the whole list."""
    assert await moves(command) == MOVES[command]


def test_every_place_has_a_way_out() -> None:
    """No state is a trap: but for the two ends, each is moved by at least one command."""
    left_by = {row: [name for name, moved in MOVES.items() if row in moved] for row in ROWS}
    assert {row for row, names in left_by.items() if not names} == {(s, False) for s in ENDS}
