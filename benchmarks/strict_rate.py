"""Submit at a strict quota: no throttled call, no second above it, the rate kept up.

    .venv/bin/python -m benchmarks.strict_rate [--workers 3] [--qps 30] [--media 2000]
                                               [--pending 100000] [--server stock] [--priced]
                                               [--pooler] [--snapshot]

The emulator refuses every call beyond the quota in any sliding second, and its meter is the judge.
``--pending`` are further media that wait meanwhile; ``--server stock`` is the PostgreSQL of this
machine's own packages, with its default settings; ``--priced`` submits under prices and a budget;
``--pooler`` puts a PgBouncer in transaction mode between; ``--snapshot`` holds one from before the
first begin to the end, as a dump does.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator

import asyncpg

from batch.errors import ExitCode
from benchmarks import common
from tests.support.pooler import pooler_to

_LEAST_SHARE = 28.8 / 30


_PRICED = {
    "VOD_BATCH_PRICES": '{"AIMediaDNA": "0.1"}',
    "VOD_BATCH_BUDGET": "100000",
    "VOD_BATCH_BUDGET_DAY": "100000",
    "VOD_BATCH_LONGEST": "2m",
}


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Submit at a strict quota.")
    parser.add_argument("--media", type=int, default=2000, help="media to submit (2000)")
    parser.add_argument("--qps", type=int, default=30, help="the quota, calls a second (30)")
    parser.add_argument("--workers", type=int, default=1, help="submit processes (1)")
    parser.add_argument("--pending", type=int, default=0, help="media that wait meanwhile (0)")
    parser.add_argument("--server", choices=common.SERVERS, default="embedded")
    parser.add_argument("--priced", action="store_true", help="under prices and a budget")
    parser.add_argument("--pooler", action="store_true", help="through PgBouncer")
    parser.add_argument("--snapshot", action="store_true", help="under a snapshot that is held")
    words = parser.parse_args()

    with common.work_folder() as folder:
        home = folder / "home"
        with (
            common.postgres(words.server, home) as database,
            common.http_server("batch.emulator", "--port", "0", "--qps", str(words.qps)) as cloud,
        ):
            print(asyncio.run(common.server_facts(database)))
            direct = asyncio.run(common.new_database(database, "strict"))
            environment = common.clean_environment(
                home,
                VOD_BATCH_DATABASE_URL=direct,
                VOD_BATCH_ENDPOINT=cloud.url,
                VOD_BATCH_QPS=str(words.qps),
                **(_PRICED if words.priced else {}),
            )
            common.migrate(environment)
            manifest = common.write_manifest(folder / "media.csv", words.media + words.pending)
            common.run(environment, "load", str(manifest))
            share = str(-(-words.media // words.workers))
            with _between(direct, words.pooler) as way, _snapshot(direct, words.snapshot):
                workers = [
                    common.start(environment | way, "submit", "--json", "--max-submissions", share)
                    for _ in range(words.workers)
                ]
                for worker in workers:
                    common.finish(worker, ExitCode.CARRIED_OVER)
            meter = cloud.meter()

    print(f"{words.media:,} media, {words.workers} worker(s), strict {words.qps} a second")
    rate = meter["submit_rate"] or 0.0
    least = _LEAST_SHARE * words.qps
    twice = meter["media_types_with_more_than_one_job"]["count"]
    return common.verdict(
        [
            common.Check(
                "jobs made", f"{meter['jobs']:,}", f"{words.media:,}", meter["jobs"] == words.media
            ),
            common.Check("paid twice", f"{twice:,}", "0", twice == 0),
            common.Check("throttled", f"{meter['throttled']:,}", "0", meter["throttled"] == 0),
            common.Check(
                "worst second",
                f"{meter['busiest_second']:,}",
                f"<= {words.qps}",
                meter["busiest_second"] <= words.qps,
            ),
            common.Check("rate", f"{rate:.2f}/s", f">= {least:.1f}/s", rate >= least),
        ]
    )


@contextlib.contextmanager
def _between(direct: str, is_wanted: bool) -> Iterator[dict[str, str]]:
    """Put a PgBouncer before the database, if wanted; yield the settings that lead through it."""
    if not is_wanted:
        yield {}
        return
    with pooler_to(direct, "transaction") as pooler:
        yield {
            "VOD_BATCH_DATABASE_URL": pooler.url,
            "VOD_BATCH_DATABASE_DIRECT_URL": direct,
            "VOD_BATCH_DATABASE_POOLED": "true",
        }


@contextlib.contextmanager
def _snapshot(url: str, is_wanted: bool) -> Iterator[None]:
    """Hold a snapshot of the database for the block, if wanted, as a long report or a dump does."""
    if not is_wanted:
        yield
        return
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ"))
        runner.run(connection.fetchval("SELECT count(*) FROM targets"))
        try:
            yield
        finally:
            runner.run(connection.close())


if __name__ == "__main__":
    sys.exit(main())
