"""Prices and budgets as they are kept with a target, for the runs that are not told any."""

import json
from collections.abc import Mapping
from typing import Any

from batch.core.models import Target
from batch.ledger.database import Database


async def read_terms(database: Database, target: Target) -> dict[str, Any]:
    """Return what is kept, by the setting's name (:mod:`batch.settings.terms`)."""
    row = await database.fetch_row("read_terms", target.id)
    return dict(json.loads(row["terms"])) if row and row["terms"] else {}


async def keep_terms(database: Database, target: Target, terms: Mapping[str, Any]) -> None:
    """Keep ``terms`` in the place of what was kept before."""
    await database.fetch("keep_terms", target.id, json.dumps(terms))
