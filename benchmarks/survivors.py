"""Three workers share a quota, two are killed: the third goes on at the whole rate.

    .venv/bin/python -m benchmarks.survivors [--qps 60] [--seconds 30]

The rate of the survivor is read from the emulator's meter, from ``--seconds`` after the kill on.
"""

import argparse
import sys
import time

from benchmarks import common

_MEASURED_SECONDS = 20.0
_LEAST_SHARE = 57 / 60


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Kill two of three workers.")
    parser.add_argument("--qps", type=int, default=60, help="the quota, calls a second (60)")
    parser.add_argument("--seconds", type=float, default=30.0, help="grace after the kill (30)")
    words = parser.parse_args()
    media = int(words.qps * (words.seconds + _MEASURED_SECONDS + 40))
    with common.work_folder() as folder:
        home = folder / "home"
        with (
            common.embedded_postgres(home),
            common.http_server("batch.emulator", "--port", "0", "--qps", str(words.qps)) as cloud,
        ):
            environment = common.clean_environment(
                home, VOD_BATCH_ENDPOINT=cloud.url, VOD_BATCH_QPS=str(words.qps)
            )
            manifest = common.write_manifest(folder / "media.csv", media)
            common.run(environment, "load", str(manifest))
            workers = [common.start(environment, "submit") for _ in range(3)]
            together = _rate_over(cloud, 10.0, warm_up=5.0)
            for worker in workers[:2]:
                worker.kill()
                worker.communicate()
            alone = _rate_over(cloud, _MEASURED_SECONDS, warm_up=words.seconds)
            workers[2].terminate()
            workers[2].communicate()
            meter = cloud.meter()
    least = _LEAST_SHARE * words.qps
    twice = meter["media_types_with_more_than_one_job"]["count"]
    worst = meter["busiest_second"]
    return common.verdict(
        [
            common.Check(
                "three together", f"{together:.2f}/s", f">= {least:.1f}/s", together >= least
            ),
            common.Check("the third alone", f"{alone:.2f}/s", f">= {least:.1f}/s", alone >= least),
            common.Check("worst second", f"{worst}", f"<= {words.qps}", worst <= words.qps),
            common.Check("throttled", f"{meter['throttled']}", "0", meter["throttled"] == 0),
            common.Check("paid twice", f"{twice}", "0", twice == 0),
        ]
    )


def _rate_over(cloud: common.HttpServer, seconds: float, *, warm_up: float) -> float:
    time.sleep(warm_up)
    before, started = cloud.meter()["jobs"], time.monotonic()
    time.sleep(seconds)
    return float((cloud.meter()["jobs"] - before) / (time.monotonic() - started))


if __name__ == "__main__":
    sys.exit(main())
