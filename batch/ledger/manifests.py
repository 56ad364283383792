"""Manifests in the ledger: a staging COPY, then one sorted insert, in one transaction.

A load that is killed leaves nothing, because nothing is committed before the end.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from batch.core.models import Target
from batch.ledger.database import Database
from batch.ledger.statements import statement

_WORK_MEMORY = "128MB"  # for one sort, in one transaction; a default of 4 MB sorts on disk
_STAGED_COLUMNS = ("line", "media_id", "types", "config_key", "config", "user_data", "priority")


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """An earlier import of the same bytes under the same options."""

    id: int
    source: str
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What reading a manifest to its end has shown; counts are lines of the file."""

    sha256: str
    lines: int
    rows: int
    quarantined: int
    quarantine_path: str | None


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What became of a manifest's rows, each counted as (media, type, configuration)."""

    batch_id: int
    submissions: int
    duplicates_in_file: int
    duplicates_across_files: int
    duplicates_submitted: int


class ManifestImport:
    """One import, inside its transaction."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        target: Target,
        campaign: str,
        options: Mapping[str, object],
    ) -> None:
        self._connection = connection
        self._target = target
        self._campaign = campaign
        self._options = json.dumps(options, sort_keys=True)

    async def find(self, sha256: str) -> KnownBatch | None:
        """Return the batch that these bytes under these options made before, if any."""
        row = await self._connection.fetchrow(
            statement("find_batch"), self._target.id, self._campaign, sha256, self._options
        )
        return KnownBatch(row["id"], row["source"], row["loaded_at"]) if row else None

    async def stage(self, rows: Iterable[tuple[object, ...]]) -> None:
        """COPY rows (line, media_id, types, config_key, config, user_data, priority)."""
        await self._connection.execute(statement("stage"))
        await self._connection.copy_records_to_table(
            "staged", records=rows, columns=_STAGED_COLUMNS
        )
        await self._connection.execute("ANALYZE staged")

    async def finish(self, source: str, facts: ManifestFacts) -> BatchCounts:
        """Turn the staged rows into submissions of one batch."""
        run = self._connection
        batch_id = await run.fetchval(
            statement("insert_batch"), self._target.id, self._campaign, source, facts.sha256,
            self._options, facts.lines, facts.rows, facts.quarantined, facts.quarantine_path,
        )  # fmt: skip
        where = (self._target.id, batch_id, self._campaign)
        asked = await run.fetchval(statement("count_staged"))
        before = await run.fetchval(statement("take_ids"), asked)
        done = await run.execute(statement("insert_submissions"), *where, before)
        inserted = int(done.split()[-1])
        duplicates = (0, 0, 0)
        if inserted < asked:
            duplicates = tuple(await run.fetchrow(statement("count_duplicates"), *where))
        counts = BatchCounts(batch_id, inserted, *duplicates)
        await run.execute(
            statement("count_batch"), batch_id, counts.submissions, counts.duplicates_in_file,
            counts.duplicates_across_files, counts.duplicates_submitted,
        )  # fmt: skip
        return counts


@contextlib.asynccontextmanager
async def begin_import(
    database: Database, target: Target, campaign: str, options: Mapping[str, object]
) -> AsyncIterator[ManifestImport]:
    """Open an import; it is committed when the block ends, and leaves nothing when it raises."""
    async with database.transaction() as connection:
        await connection.execute(statement("lock_loads"))
        await connection.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
        yield ManifestImport(connection, target, campaign, options)
