"""The states and the moves between them."""

from batch.core.states import TERMINAL, TRANSITIONS, State

BY_AN_OPERATOR = {
    *((state, State.PENDING) for state in (State.FAILED, State.REJECTED, State.DEAD)),
    *((state, State.IN_DOUBT) for state in (State.REJECTED, State.DEAD)),
}


def test_a_terminal_state_changes_by_an_operator_only() -> None:
    """The only moves out of a terminal state are an operator's retries (I3)."""
    assert {(a, b) for a, b in TRANSITIONS if a in TERMINAL} == BY_AN_OPERATOR


def test_a_paid_job_is_never_due_again_by_itself() -> None:
    """From submitted no move leads back to pending; succeeded and cancelled are the end."""
    assert (State.SUBMITTED, State.PENDING) not in TRANSITIONS
    assert not [a for a, _ in TRANSITIONS if a in (State.SUCCEEDED, State.CANCELLED)]


def test_no_move_stays_where_it_is() -> None:
    """A move changes the state."""
    assert all(a is not b for a, b in TRANSITIONS)


def test_every_state_can_be_reached() -> None:
    """From pending, where each submission starts, the moves lead to every state."""
    reached = {State.PENDING}
    while more := {b for a, b in TRANSITIONS if a in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_only_a_receipt_skips_submitting() -> None:
    """A row gets a JobId by being sent, by settling a doubt, or by a receipt that comes late."""
    sources = {a for a, b in TRANSITIONS if b is State.SUBMITTED}
    assert sources == {State.SUBMITTING, State.IN_DOUBT, State.PENDING}
