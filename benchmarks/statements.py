"""What a night or a page asks often costs the same among few rows and among many.

    .venv/bin/python -m benchmarks.statements [--rows 1000000] [--server stock] [--server embedded]

Ledgers of ten thousand rows and of as many as asked for, in 41 lists and in all states, are made by
``generate_series``; in both each statement is timed, in a transaction that is rolled back: among
the many before the tables' first ANALYZE, and after it. What looks at every due row by its nature
(an operator's ``plan``) is shown, and not held against anything.
"""

import argparse
import asyncio
import statistics
import sys
import time
from contextlib import ExitStack, suppress

from batch.ledger.database import Database
from batch.ledger.migrate import apply_migrations
from batch.ledger.statements import statement
from batch.ledger.targets import open_target
from batch.settings import load_settings
from benchmarks import common, seeded

_FEW = 10_000
_TIMES = 5
_MOST_GROWTH = 3.0
_NOISE_SECONDS = 0.05
"""A statement that is this quick among many rows has not grown, whatever its ratio."""


async def _time(database: Database, asked: seeded.Asked) -> float:
    """Return the middle time of a statement, in seconds, after a first run."""
    times = []
    for _ in range(1 + _TIMES):
        with suppress(_Undo):
            async with database.transaction() as connection:
                started = time.perf_counter()
                await connection.fetch(statement(asked.name), *asked.arguments)
                times.append(time.perf_counter() - started)
                raise _Undo
    return statistics.median(times[1:])


class _Undo(Exception):  # noqa: N818
    """Ends a transaction without its effects."""


_Times = list[tuple[seeded.Asked, float]]


async def _measure(url: str, rows: int) -> tuple[_Times, _Times]:
    """Return the times before the tables' first ANALYZE, and after it."""
    settings = load_settings(database_url=url)
    await apply_migrations(settings)
    page = await Database.open(settings)
    worker = page.part(plans_once=True)
    try:
        target = (await open_target(page, "benchmark", "benchmark")).id
        async with page.transaction() as connection:
            await seeded.seed(connection, target, rows)
        await page.fetch("open_periods", target, "CNY", seeded.RUN, "UTC", None)
        batch = (await page.fetch("list_batches", target, 5))[-1]["id"]
        questions = seeded.asked_often(target, batch)

        async def times() -> _Times:
            return [(a, await _time(worker if a.by_worker else page, a)) for a in questions]

        fresh = await times()
        for table in seeded.TABLES:
            await page.analyze(table)
        return fresh, await times()
    finally:
        await page.close()


def _told(server: str, rows: int) -> list[common.Check]:
    """Measure on one server, print a table, and return what does not hold."""
    with common.work_folder() as folder, ExitStack() as stack:
        url = stack.enter_context(common.postgres(server, folder / "home"))
        _, few = asyncio.run(_measure(asyncio.run(common.new_database(url, "few")), _FEW))
        fresh, many = asyncio.run(_measure(asyncio.run(common.new_database(url, "many")), rows))
        print(f"{asyncio.run(common.server_facts(url))}: {_FEW:,} and {rows:,} rows")
    shown, checks = [], []
    for (asked, before), (_, unknown), (_, after) in zip(few, fresh, many, strict=True):
        longest = after if asked.wants_analyze else max(unknown, after)
        growth = longest / before
        shown.append(
            (asked.name, *(f"{1e3 * t:.2f} ms" for t in (before, unknown, after)), f"{growth:.1f}")
        )
        if not asked.is_linear and longest > _NOISE_SECONDS:
            checks.append(
                common.Check(f"{asked.name}, {server}", f"{growth:.1f}",
                             f"<= {_MOST_GROWTH:.0f}", growth <= _MOST_GROWTH)
            )  # fmt: skip
    common.table(("statement", "few", "many, not analyzed", "many", "growth"), shown)
    print()
    return checks


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Time statements among few and many rows.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="the many (1000000)")
    parser.add_argument("--server", choices=common.SERVERS, action="append", help="(both)")
    words = parser.parse_args()
    servers = words.server or common.SERVERS
    return common.verdict([check for server in servers for check in _told(server, words.rows)])


if __name__ == "__main__":
    sys.exit(main())
