"""What was learnt of a target's cloud is kept with it."""

import asyncio
from datetime import UTC, datetime

from batch.core.learnt import Learnt, TypeLearnt
from batch.ledger.learnt import Lessons
from tests.support.ledger import DNA, TAG, Ledger


async def test_what_was_learnt_is_read_back_as_it_was(ledger: Ledger) -> None:
    """Every fact, and nothing where nothing was seen."""
    lessons = Lessons(ledger.database, ledger.store.target)
    assert await lessons.read() == Learnt()
    kind = TypeLearnt(
        frozenset({"AIMediaDNA"}), frozenset({"AIVideoFPShot"}), frozenset({"Manual"}),
        frozenset({"j"}), 3.5,
    )  # fmt: skip
    seen = Learnt({DNA: kind}, True, frozenset({DNA}), datetime(2026, 1, 2, tzinfo=UTC))
    assert await lessons.add(seen) == seen
    assert await lessons.read() == seen


async def test_two_who_add_at_once_lose_nothing(ledger: Ledger) -> None:
    """Each sees what the other has kept."""
    lessons = Lessons(ledger.database, ledger.store.target)
    seen = [Learnt({t: TypeLearnt(jobs=frozenset({f"{t}-{n}"}))}) for t in (DNA, TAG)
            for n in range(4)]  # fmt: skip
    await asyncio.gather(*(lessons.add(one) for one in seen))
    learnt = await lessons.read()
    assert {len(learnt.of(t).jobs) for t in (DNA, TAG)} == {4}
