"""A paced run goes to the ledger in groups: one begin claims for a whole block of slots."""

from collections import Counter

import pytest

from batch.ledger.statements import statement
from batch.submit.tally import StopReason
from tests.support.night import Night

REQUESTS = 200


async def test_a_begin_claims_for_a_block_of_slots(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of 64 senders come back to one begin; one by one it would be a begin a request."""
    counts: Counter[str] = Counter()

    def counted(name: str) -> str:
        counts[name] += 1
        return statement(name)

    monkeypatch.setattr("batch.ledger.database.statement", counted)
    await night.ledger.add(range(REQUESTS))
    summary = await night.submit(qps=500.0, concurrency=64, skip_existing="never")
    await night.check(submitted=REQUESTS)
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert counts["begin"] <= REQUESTS / 8
