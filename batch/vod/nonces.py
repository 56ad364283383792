"""Whether the gateway refuses a nonce that it has seen (``vod-api.md`` 12.3)."""

from datetime import datetime
from uuid import uuid4

from batch.core.classify import classify_error
from batch.core.outcome import Answer, InDoubt, NotSent, Outcome
from batch.vod.endpoint import Endpoint
from batch.vod.wire import LIST_AI_JOBS, QueryFailed

NONCE_REPETITIONS = 10
"""Of two nodes behind a name, both are met, but once in a thousand times."""


async def repeat_a_nonce(endpoint: Endpoint) -> Outcome | None:
    """Send one free read-only call several times, the same signed bytes.

    Each goes over a fresh connection, so that a gateway that keeps nonces per node shows it.
    Returns what a repetition came to that was not refused, else the last; ``None`` when one
    was answered like the first. Raises QueryFailed when the first got no answer to trust.
    """
    nonce, signed_at = uuid4().hex, endpoint.now()
    first = await _ask_afresh(endpoint, nonce, signed_at)
    if not isinstance(first, Answer):
        raise QueryFailed(LIST_AI_JOBS, first)
    if not first.is_success:
        raise QueryFailed(LIST_AI_JOBS, classify_error(first))
    refusal: Outcome | None = None
    for _ in range(NONCE_REPETITIONS):
        again = await _ask_afresh(endpoint, nonce, signed_at)
        if not isinstance(again, Answer):
            return again
        if again.is_success:
            return None
        refusal = classify_error(again)
        if not is_used_nonce(refusal):
            return refusal
    return refusal


async def _ask_afresh(
    endpoint: Endpoint, nonce: str, signed_at: datetime
) -> Answer | NotSent | InDoubt:
    """Ask for a job that nobody has, over a connection that is opened for it."""
    async with endpoint.transport.afresh() as transport:
        return await endpoint.call(
            LIST_AI_JOBS,
            {"JobIds": "0" * 32},
            nonce=nonce,
            signed_at=signed_at,
            transport=transport,
        )


def is_used_nonce(outcome: Outcome) -> bool:
    """Tell whether the gateway says that it has seen this nonce before."""
    return isinstance(outcome, InDoubt) and (outcome.code or "").lower() == "signaturenonceused"
