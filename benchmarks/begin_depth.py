"""Begin among many pending rows: its time must not grow with them.

    .venv/bin/python -m benchmarks.begin_depth [--rows 10000000]

Rows are made in the ledger by ``generate_series``, ten thousand of them at first and then as many
as asked for; at both depths the same begins are timed, each one recorded as submitted after. Ten
million rows take some minutes and about 5 GB in the temporary folder.
"""

import argparse
import asyncio
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from secrets import token_hex
from uuid import UUID, uuid4

from batch.core.models import Claim, Worker
from batch.core.outcome import Accepted, Job
from batch.core.verdict import judge
from batch.engine import service
from batch.ledger.database import Database
from batch.ledger.store import Store
from batch.settings import Settings
from benchmarks import common

_SHALLOW = 10_000
_BEGINS = 100
_REQUESTS = 32
_MOST_GROWTH = 1.5
_MAKE_ROWS = """
    INSERT INTO submissions (target_id, batch_id, line,
                             media_id, job_type, config_key, campaign, priority)
    SELECT {target}, 1, n, md5(n::text), 'AIMediaDNA', '', 'default', 0
      FROM generate_series({first}, {last}) n
"""


async def _deepen(database: Database, target: int, first: int, last: int) -> None:
    async with database.transaction() as connection:
        await connection.execute(_MAKE_ROWS.format(target=target, first=first, last=last))
    await database.analyze("submissions")


async def _begin(store: Store, worker: UUID) -> tuple[list[Claim], float]:
    nonces = [token_hex(16) for _ in range(_REQUESTS)]
    signed_at = datetime.now(UTC).replace(microsecond=0)
    started = time.perf_counter()
    claims = await store.begin(worker, nonces, signed_at, most_rows=2 * _REQUESTS)
    return claims, time.perf_counter() - started


async def _record(store: Store, claims: list[Claim]) -> None:
    verdicts = []
    for claim in claims:
        jobs = tuple(Job(job_type, token_hex(16)) for job_type in claim.types)
        accepted = Accepted(token_hex(16), jobs)
        verdicts += judge(claim, accepted, max_attempts=3, dice=Random(1))
    await store.record(verdicts, "benchmark")


async def _median_begin(store: Store, worker: UUID) -> float:
    """Return the middle time of many begins, in seconds."""
    times = []
    for _ in range(_BEGINS):
        claims, seconds = await _begin(store, worker)
        if len(claims) != _REQUESTS:
            raise RuntimeError(f"a begin claimed {len(claims)} requests, not {_REQUESTS}")
        times.append(seconds)
        await _record(store, claims)
    return statistics.median(times)


async def _measure(folder: Path, rows: int) -> tuple[float, float]:
    settings = Settings(home=folder / "home")
    async with service.open_ledger(settings) as (database, store):
        worker = uuid4()
        await store.beat(Worker(worker, "benchmark", 1))
        target = store.target.id
        await _deepen(database, target, 1, _SHALLOW)
        await _median_begin(store, worker)  # connections and caches
        shallow = await _median_begin(store, worker)
        await _deepen(database, target, _SHALLOW + 1, rows)
        await _median_begin(store, worker)
        return shallow, await _median_begin(store, worker)


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Time begin among few and many pending rows.")
    parser.add_argument("--rows", type=int, default=10_000_000, help="the greater depth (10000000)")
    words = parser.parse_args()
    with common.work_folder() as folder:
        shallow, deep = asyncio.run(_measure(folder, words.rows))
    common.table(
        ("pending rows", f"begin of {_REQUESTS}"),
        [(f"{_SHALLOW:,}", f"{1e3 * shallow:.2f} ms"), (f"{words.rows:,}", f"{1e3 * deep:.2f} ms")],
    )
    print()
    growth = deep / shallow
    return common.verdict(
        [
            common.Check(
                "deep / shallow", f"{growth:.2f}", f"<= {_MOST_GROWTH}", growth <= _MOST_GROWTH
            )
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
