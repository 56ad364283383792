"""Begin among many pending rows: its time must not grow with them.

    .venv/bin/python -m benchmarks.begin_depth [--rows 10000000] [--server stock]

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
from random import Random
from secrets import token_hex
from uuid import UUID, uuid4

from batch.core.budget import Spending
from batch.core.models import Claim, Worker
from batch.core.outcome import Accepted, Job
from batch.core.pricing import PriceList
from batch.core.verdict import Verdict, judge
from batch.ledger.database import Database
from batch.ledger.migrate import apply_migrations
from batch.ledger.store import Store
from batch.ledger.targets import open_target
from batch.settings import load_settings
from benchmarks import common

_SHALLOW = 10_000
_BEGINS = 100
_REQUESTS = 32
_MOST_GROWTH = 1.5
_UNPRICED = Spending(UUID(int=0), PriceList("CNY", {}), None, "UTC")
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
    claims = await store.begin(
        worker, nonces, signed_at, most_rows=2 * _REQUESTS, spending=_UNPRICED
    )
    return claims, time.perf_counter() - started


async def _record(store: Store, claims: list[Claim]) -> float:
    verdicts: list[Verdict] = []
    for claim in claims:
        jobs = tuple(Job(job_type, token_hex(16)) for job_type in claim.types)
        accepted = Accepted(token_hex(16), jobs)
        verdicts += judge(claim, accepted, max_attempts=3, dice=Random(1))
    started = time.perf_counter()
    await store.record(verdicts, "benchmark")
    return time.perf_counter() - started


async def _median_times(store: Store, worker: UUID) -> tuple[float, float]:
    """Return the middle times of many begins and of their records, in seconds."""
    begins, records = [], []
    for _ in range(_BEGINS):
        claims, seconds = await _begin(store, worker)
        if len(claims) != _REQUESTS:
            raise RuntimeError(f"a begin claimed {len(claims)} requests, not {_REQUESTS}")
        begins.append(seconds)
        records.append(await _record(store, claims))
    return statistics.median(begins), statistics.median(records)


async def _measure(url: str, rows: int) -> tuple[tuple[float, float], tuple[float, float]]:
    settings = load_settings(database_url=url)
    await apply_migrations(settings)
    database = (await Database.open(settings)).part(plans_once=True)
    try:
        store = Store(database, await open_target(database, "benchmark", "benchmark"))
        worker = uuid4()
        await store.beat(Worker(worker, "benchmark", 1))
        target = store.target.id
        await _deepen(database, target, 1, _SHALLOW)
        await _median_times(store, worker)  # connections and caches
        shallow = await _median_times(store, worker)
        await _deepen(database, target, _SHALLOW + 1, rows)
        await _median_times(store, worker)
        return shallow, await _median_times(store, worker)
    finally:
        await database.close()


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Time begin among few and many pending rows.")
    parser.add_argument("--rows", type=int, default=10_000_000, help="the greater depth (10000000)")
    parser.add_argument("--server", choices=common.SERVERS, default="embedded")
    words = parser.parse_args()
    with (
        common.work_folder() as folder,
        common.postgres(words.server, folder / "home") as server,
    ):
        print(asyncio.run(common.server_facts(server)))
        url = asyncio.run(common.new_database(server, "depth"))
        shallow, deep = asyncio.run(_measure(url, words.rows))
    common.table(
        ("pending rows", f"begin of {_REQUESTS}", "record"),
        [
            (f"{rows:,}", *(f"{1e3 * seconds:.2f} ms" for seconds in times))
            for rows, times in ((_SHALLOW, shallow), (words.rows, deep))
        ],
    )
    print()
    growth = deep[0] / shallow[0]
    return common.verdict(
        [
            common.Check(
                "deep / shallow", f"{growth:.2f}", f"<= {_MOST_GROWTH}", growth <= _MOST_GROWTH
            )
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
