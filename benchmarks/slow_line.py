"""Submit at a strict quota over slow lines: connections open late, PostgreSQL answers late.

    .venv/bin/python -m benchmarks.slow_line [--workers 4] [--opening 0.6] [--jitter 0.4]

Each connection to the cloud takes ``--opening`` seconds (half of it at least), each answer of
PostgreSQL up to ``--jitter``. The emulator refuses every call beyond the quota in any sliding
second, and its meter is the judge: it counts when requests arrive, not when they were allowed.
"""

import argparse
import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from benchmarks import common
from tests.support.certificates import own_certificate
from tests.support.slow_line import late_answers, slow_door


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Submit at a strict quota over slow lines.")
    parser.add_argument("--media", type=int, default=900, help="media to submit (900)")
    parser.add_argument("--qps", type=int, default=30, help="the quota, calls a second (30)")
    parser.add_argument("--workers", type=int, default=4, help="submit processes (4)")
    parser.add_argument("--opening", type=float, default=0.6, help="seconds to connect (0.6)")
    parser.add_argument("--jitter", type=float, default=0.4, help="seconds of PostgreSQL (0.4)")
    words = parser.parse_args()
    with (
        common.work_folder() as folder,
        common.embedded_postgres(folder / "home") as database,
        common.http_server("batch.emulator", "--port", "0", "--qps", str(words.qps)) as cloud,
    ):
        opened = asyncio.run(_run(words, folder, database, cloud.url))
        meter = cloud.meter()
    return _judge(words, meter, opened)


async def _run(words: argparse.Namespace, folder: Path, database: str, cloud: str) -> int:
    """Submit all media by several workers; return how many connections were opened."""
    dice = random.Random(7)
    certificate = own_certificate(folder)

    def opening() -> float:
        return float(words.opening * dice.uniform(0.5, 1.0))

    def late() -> float:
        return float(words.jitter * dice.random())

    async with (
        slow_door(cloud, certificate.context, opening) as door,
        late_answers(database, late) as line,
    ):
        near = {
            "VOD_BATCH_ENDPOINT": door.url,
            "VOD_BATCH_QPS": str(words.qps),
            "VOD_BATCH_SKIP_EXISTING": "never",
            "SSL_CERT_FILE": str(certificate.path),
        }
        loading = common.clean_environment(folder / "home", **near)
        submitting = common.clean_environment(
            folder / "home", VOD_BATCH_DATABASE_URL=line.url, **near
        )
        manifest = common.write_manifest(folder / "media.csv", words.media)
        await _in_a_thread(common.run, loading, "load", str(manifest))
        workers = [common.start(submitting, "submit", "--json") for _ in range(words.workers)]
        await asyncio.gather(*(_in_a_thread(common.finish, worker) for worker in workers))
        return door.opened


def _in_a_thread(work: Any, *words: Any) -> Awaitable[Any]:
    return asyncio.to_thread(work, *words)


def _judge(words: argparse.Namespace, meter: dict[str, Any], opened: int) -> int:
    print(
        f"{words.media:,} media, {words.workers} workers, strict {words.qps} a second,"
        f" {opened} connections that took up to {words.opening:g} s to open,"
        f" PostgreSQL late by up to {words.jitter:g} s"
    )
    twice = meter["media_types_with_more_than_one_job"]["count"]
    made, worst, throttled = meter["jobs"], meter["busiest_second"], meter["throttled"]
    return common.verdict(
        [
            common.Check("jobs made", f"{made:,}", f"{words.media:,}", made == words.media),
            common.Check("paid twice", f"{twice:,}", "0", twice == 0),
            common.Check("throttled", f"{throttled:,}", "0", throttled == 0),
            common.Check("worst second", f"{worst:,}", f"<= {words.qps}", worst <= words.qps),
            common.Check("rate", f"{meter['submit_rate'] or 0:.2f}/s", "told only", True),
        ]
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
