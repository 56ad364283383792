"""Answers that come when nobody waits for them any more."""

from batch.core.states import State
from batch.core.verdict import Verdict
from tests.support.ledger import Ledger


async def accepted_late(
    ledger: Ledger, submission: int, job_id: str, *, lease: int | None = None
) -> list[int]:
    """Record an acceptance under ``lease`` (the first one); return what did not move."""
    verdict = Verdict(
        submission, lease or 1, "accepted", State.SUBMITTED, 200, request_id="R", job_id=job_id
    )
    return await ledger.store.record([verdict], "a worker taken for dead")
