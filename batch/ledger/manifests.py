"""Manifests in the ledger: a staging COPY, then one sorted insert, in one transaction.

A load that is killed leaves nothing, because nothing is committed before the end.
"""

import json
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import asyncpg

from batch.core.models import Target
from batch.ledger.database import UNHURRIED, Database
from batch.ledger.staging import COLUMNS
from batch.ledger.statements import statement

_WORK_MEMORY = "128MB"  # for one sort, in one transaction; a default of 4 MB sorts on disk
_SAMPLE = 10  # statistics target for the staged rows: their number and spread, and no more

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """An earlier import of the same bytes under the same options."""

    id: int
    source: str
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What reading a manifest to its end has shown; counts are lines of the file.

    ``lines`` are ``header_lines``, ``rows``, ``blank``, ``quarantined`` and ``continued`` together.
    """

    sha256: str
    lines: int
    header_lines: int
    rows: int
    blank: int
    quarantined: int
    continued: int
    quarantine_path: str | None
    form: str
    encoding: str
    delimiter: str
    header: str
    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    tidied: int
    """Ids that stood in quotes, brackets and the like."""
    unlike: str | None
    """What is said of ids that are unlike the rest."""


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What became of a manifest's rows, each counted as (media, type, configuration)."""

    batch_id: int
    submissions: int
    duplicates_in_file: int
    duplicates_across_files: int
    duplicates_submitted: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How many media of a manifest another account name of the same region knows too."""

    account: str
    media: int


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
        self._asked = 0

    async def find(self, sha256: str) -> KnownBatch | None:
        """Return the batch that these bytes under these options made before, if any."""
        row = await self._connection.fetchrow(
            statement("find_batch"), self._target.id, self._campaign, sha256, self._options
        )
        return KnownBatch(row["id"], row["source"], row["loaded_at"]) if row else None

    async def stage(self, blocks: AsyncIterable[bytes]) -> None:
        """COPY ``blocks``, the text that :mod:`batch.ledger.staging` makes."""
        run = self._connection
        await run.execute(statement("stage"))
        done = await run.copy_to_table("staged", source=blocks, columns=COLUMNS, timeout=UNHURRIED)
        self._asked = int(done.split()[-1])
        await run.execute("ANALYZE staged (media_id, job_type, config_key)", timeout=UNHURRIED)

    async def finish(self, source: str, facts: ManifestFacts) -> BatchCounts:
        """Turn the staged rows into submissions of one batch."""
        run = self._connection
        batch_id = await run.fetchval(
            statement("insert_batch"), self._target.id, self._campaign, source, facts.sha256,
            self._options, facts.lines, facts.rows, facts.quarantined, facts.quarantine_path,
        )  # fmt: skip
        known = await run.fetchrow(
            statement("count_known"), self._target.id, self._campaign, timeout=UNHURRIED
        )
        inserted = 0
        # Rows that are all known, each once, leave nothing to insert: the usual list, fed again.
        if sum(known) < self._asked:
            inserted = await self._insert(batch_id, any_known=any(known))
        in_file = self._asked - inserted - sum(known)
        counts = BatchCounts(batch_id, inserted, in_file, *known)
        await run.execute(
            statement("count_batch"), batch_id, counts.submissions, counts.duplicates_in_file,
            counts.duplicates_across_files, counts.duplicates_submitted,
        )  # fmt: skip
        return counts

    async def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Say which other account names of the region know staged media, by name."""
        rows = await self._connection.fetch(
            statement("known_elsewhere"), self._target.id, timeout=UNHURRIED
        )
        return tuple(Elsewhere(row["account"], row["media"]) for row in rows)

    async def _insert(self, batch_id: int, *, any_known: bool) -> int:
        before = await self._connection.fetchval(statement("take_ids"), self._asked)
        done = await self._connection.execute(
            statement("insert_submissions"), self._target.id, batch_id, self._campaign, before,
            any_known, timeout=UNHURRIED,
        )  # fmt: skip
        return int(done.split()[-1])


async def import_manifest(
    database: Database,
    target: Target,
    campaign: str,
    options: Mapping[str, object],
    work: Callable[[ManifestImport], Awaitable[_T]],
) -> _T:
    """Run ``work`` on an import; it is committed when that ends, and leaves nothing when it raises.

    Where the database is away meanwhile ``work`` begins anew.
    """

    async def run(connection: asyncpg.Connection) -> _T:
        await connection.execute(statement("lock_loads"), timeout=UNHURRIED)
        await connection.execute(
            f"SET LOCAL work_mem = '{_WORK_MEMORY}'; "
            f"SET LOCAL default_statistics_target = {_SAMPLE}"
        )
        return await work(ManifestImport(connection, target, campaign, options))

    return await database.unhurried(run)
