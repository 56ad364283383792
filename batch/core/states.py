"""The states of a submission and the moves between them.

The same table is in ``migrations/`` (where a trigger enforces it and writes
``submission_history``) and in ``docs/states.md``; a test forces the three to agree.
"""

from enum import StrEnum


class State(StrEnum):
    """The state of a submission. Each line says what it means and what moves it on."""

    PENDING = "pending"  # to be sent, not before due_at; begin or an operator moves it
    SUBMITTING = "submitting"  # its intent is committed, a request may be on the wire; an outcome
    SUBMITTED = "submitted"  # the cloud answered with a JobId; poll or event
    IN_DOUBT = "in_doubt"  # a request may have been received, outcome unknown; evidence, operator
    SUCCEEDED = "succeeded"  # the cloud's verdict on the job
    FAILED = "failed"  # the cloud's verdict on the job; an operator may retry
    REJECTED = "rejected"  # refused for good before any job existed; an operator may retry
    DEAD = "dead"  # never sent, attempts used up; an operator may retry
    CANCELLED = "cancelled"  # withdrawn by an operator while pending


TERMINAL = frozenset(
    {State.SUCCEEDED, State.FAILED, State.REJECTED, State.DEAD, State.CANCELLED},
)
"""States that never change by themselves."""

TRANSITIONS = frozenset(
    {
        (State.PENDING, State.SUBMITTING),  # begin
        (State.PENDING, State.CANCELLED),  # operator
        (State.PENDING, State.REJECTED),  # preflight: the media is not there
        (State.PENDING, State.SUBMITTED),  # a late receipt, or a job that was made before
        (State.SUBMITTING, State.SUBMITTED),  # accepted
        (State.SUBMITTING, State.IN_DOUBT),  # no trustworthy answer, or its worker died
        (State.SUBMITTING, State.PENDING),  # never sent, throttled, or the account was stopped
        (State.SUBMITTING, State.REJECTED),  # refused
        (State.SUBMITTING, State.DEAD),  # never sent, attempts used up
        (State.IN_DOUBT, State.SUBMITTED),  # late answer, replay, look-up, event
        (State.IN_DOUBT, State.PENDING),  # proof of absence
        (State.IN_DOUBT, State.REJECTED),  # a late refusal, or proof that one was a refusal
        (State.IN_DOUBT, State.DEAD),  # proof that it was never sent, attempts used up
        (State.SUBMITTED, State.SUCCEEDED),  # poll or event
        (State.SUBMITTED, State.FAILED),  # poll or event
        (State.FAILED, State.PENDING),  # operator: retry
        (State.REJECTED, State.PENDING),  # operator: retry
        (State.DEAD, State.PENDING),  # operator: retry
        (State.REJECTED, State.IN_DOUBT),  # operator: retry, where no certain refusal came
        (State.DEAD, State.IN_DOUBT),  # operator: retry, where no certain refusal came
        (State.SUBMITTED, State.IN_DOUBT),  # operator: resolve --disown, the job is not its own
    },
)
"""Every allowed move; all others are refused by the database."""
