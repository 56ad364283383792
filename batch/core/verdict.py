"""What an outcome means for each submission of a claim: the state to move to and the evidence."""

import random
from dataclasses import dataclass
from typing import assert_never

from batch.core.backoff import delay_seconds, with_jitter
from batch.core.models import Claim, ClaimedSubmission
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Throttled,
)
from batch.core.states import State


@dataclass(frozen=True, slots=True)
class Verdict:
    """One submission's share of an outcome, as the ledger records it.

    ``due_in_seconds`` counts from the moment of recording and holds for ``pending`` only. An
    attempt that does not count leaves the retry limit as it was: the row was not at fault. One of
    a stopped account that counts may have been: its row goes behind all others.
    ``is_certain`` says that surely no job exists; a journal of an earlier program does not say it.
    """

    submission_id: int
    lease: int
    outcome: str
    to_state: State
    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    further_job_ids: tuple[str, ...] = ()
    due_in_seconds: float = 0.0
    counts: bool = True
    is_certain: bool = False


def judge(
    claim: Claim, outcome: Outcome, *, max_attempts: int, dice: random.Random
) -> tuple[Verdict, ...]:
    """Return one verdict for each submission of ``claim``."""
    if isinstance(outcome, Accepted):
        return judge_accepted(claim, outcome)
    if isinstance(outcome, InDoubt):
        return judge_doubt(claim, outcome)
    return tuple(
        _judge_failure(member, outcome, max_attempts=max_attempts, dice=dice)
        for member in claim.members
    )


def judge_doubt(claim: Claim, doubt: InDoubt) -> tuple[Verdict, ...]:
    """Return one verdict for each submission of ``claim``, every JobId that was named in them."""
    return tuple(
        Verdict(
            member.id,
            member.lease,
            "in_doubt",
            State.IN_DOUBT,
            doubt.http_status,
            doubt.code,
            doubt.message or doubt.reason,
            doubt.request_id,
            # Whose they are is not known: they stay with the first, as in judge_accepted.
            further_job_ids=doubt.job_ids if member is claim.members[0] else (),
        )
        for member in claim.members
    )


def judge_accepted(claim: Claim, accepted: Accepted) -> tuple[Verdict, ...]:
    """Return one verdict for each submission of ``claim``, every JobId of the answer in them."""
    job_ids = {job.type: job.job_id for job in accepted.jobs}
    # Receipts that belong to no submission of this claim stay with its first one: never dropped.
    further = (*(job.job_id for job in accepted.extra), *accepted.unplaced)
    verdicts = []
    for member in claim.members:
        job_id = job_ids.get(member.job_type)
        verdicts.append(
            Verdict(
                member.id,
                member.lease,
                "accepted" if job_id else "in_doubt",
                State.SUBMITTED if job_id else State.IN_DOUBT,
                http_status=accepted.http_status,
                message=None if job_id else "the answer held no job of this type",
                request_id=accepted.request_id,
                job_id=job_id,
                further_job_ids=further if member is claim.members[0] else (),
            )
        )
    return tuple(verdicts)


def _judge_failure(
    member: ClaimedSubmission,
    outcome: Throttled | Refused | NotSent | AccountStopped,
    *,
    max_attempts: int,
    dice: random.Random,
) -> Verdict:
    match outcome:
        case Throttled(code, message, request_id, http_status):
            return Verdict(
                member.id, member.lease, "throttled", State.PENDING,
                http_status, code, message, request_id, counts=False, is_certain=True,
            )  # fmt: skip
        case Refused(code, message, request_id, http_status, is_certain):
            return Verdict(
                member.id, member.lease, "refused",
                # A code that nobody knows proves nothing: a job may exist.
                State.REJECTED if is_certain else State.IN_DOUBT,
                http_status, code, message, request_id, is_certain=is_certain,
            )  # fmt: skip
        case AccountStopped(code, message, request_id, http_status) as stopped:
            return Verdict(
                member.id, member.lease, "account_stopped", State.PENDING, http_status, code,
                message, request_id, due_in_seconds=stopped.put_off_seconds,
                counts=stopped.may_be_one_rows, is_certain=True,
            )  # fmt: skip
        case NotSent(reason, by_choice=True):
            return Verdict(
                member.id, member.lease, "not_sent", State.PENDING, message=reason, counts=False,
                is_certain=True,
            )  # fmt: skip
        case NotSent(reason):
            used_up = member.attempts >= max_attempts
            delay = with_jitter(delay_seconds(max(member.attempts, 1)), dice)
            return Verdict(
                member.id,
                member.lease,
                "not_sent",
                State.DEAD if used_up else State.PENDING,
                message=reason,
                due_in_seconds=delay,
                is_certain=True,
            )
        case _ as never:
            assert_never(never)
