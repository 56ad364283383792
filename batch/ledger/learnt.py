"""What was learnt of a target's cloud, as it is kept with the target."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from batch.core.learnt import Learnt, TypeLearnt
from batch.core.models import JobType, Target
from batch.ledger.database import Database, Fetch


class Lessons:
    """Reads and adds to what was learnt of one target's cloud."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def read(self) -> Learnt:
        """Return what is known."""
        row = await self._database.fetch_row("read_learnt", self._target.id)
        return _learnt(row["learnt"]) if row else Learnt()

    async def add(self, seen: Learnt) -> Learnt:
        """Add what was seen to what is known, safely beside others; return both."""

        async def merge(fetch: Fetch) -> Learnt:
            [row] = await fetch("lock_learnt", self._target.id)
            merged = _learnt(row["learnt"]) | seen
            await fetch("keep_learnt", self._target.id, _text(merged))
            return merged

        return await self._database.together(merge)


def _text(learnt: Learnt) -> str:
    return json.dumps(
        {
            "types": {name.value: _type_facts(kind) for name, kind in learnt.types.items()},
            "newest_first": learnt.newest_first,
            "probed": sorted(name.value for name in learnt.probed),
            "probed_at": learnt.probed_at.isoformat() if learnt.probed_at else None,
        }
    )


def _type_facts(kind: TypeLearnt) -> dict[str, object]:
    return {
        "list_words": sorted(kind.list_words),
        "detail_words": sorted(kind.detail_words),
        "triggers": sorted(kind.triggers),
        "jobs": sorted(kind.jobs),
        "delay_seconds": kind.delay_seconds,
    }


def _learnt(text: str | None) -> Learnt:
    if text is None:
        return Learnt()
    facts = json.loads(text)
    probed_at = facts["probed_at"]
    return Learnt(
        {JobType(name): _type_learnt(kind) for name, kind in facts["types"].items()},
        facts["newest_first"],
        frozenset(JobType(name) for name in facts["probed"]),
        datetime.fromisoformat(probed_at) if probed_at else None,
    )


def _type_learnt(facts: Mapping[str, Any]) -> TypeLearnt:
    return TypeLearnt(
        frozenset(facts["list_words"]),
        frozenset(facts["detail_words"]),
        frozenset(facts["triggers"]),
        frozenset(facts["jobs"]),
        facts["delay_seconds"],
    )
