"""Submit at a strict quota: no throttled call, no second above it, the rate kept up.

    .venv/bin/python -m benchmarks.strict_rate [--workers 3] [--qps 30] [--media 2000]

The emulator refuses every call beyond the quota in any sliding second, and its meter is the judge.
"""

import argparse
import sys

from benchmarks import common

_LEAST_SHARE = 28.8 / 30


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Submit at a strict quota.")
    parser.add_argument("--media", type=int, default=2000, help="media to submit (2000)")
    parser.add_argument("--qps", type=int, default=30, help="the quota, calls a second (30)")
    parser.add_argument("--workers", type=int, default=1, help="submit processes (1)")
    words = parser.parse_args()

    with common.work_folder() as folder:
        home = folder / "home"
        with (
            common.embedded_postgres(home),
            common.http_server("batch.emulator", "--port", "0", "--qps", str(words.qps)) as cloud,
        ):
            environment = common.clean_environment(
                home, VOD_BATCH_ENDPOINT=cloud.url, VOD_BATCH_QPS=str(words.qps)
            )
            manifest = common.write_manifest(folder / "media.csv", words.media)
            common.run(environment, "load", str(manifest))
            workers = [common.start(environment, "submit", "--json") for _ in range(words.workers)]
            for worker in workers:
                common.finish(worker)
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


if __name__ == "__main__":
    sys.exit(main())
