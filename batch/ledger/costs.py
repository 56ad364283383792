"""What the submissions of a target, or of one run, have cost and may still cost."""

from uuid import UUID

from batch.core.models import JobType, Target
from batch.core.pricing import CostPart, Costs, add_up
from batch.ledger.database import Database


async def read_costs(database: Database, target: Target, run: UUID | None = None) -> Costs:
    """Return the costs of ``run``, or of everything that was ever begun in the target."""
    rows = await database.fetch("sum_costs", target.id, run)
    return add_up(CostPart(**{**row, "job_type": JobType(row["job_type"])}) for row in rows)
