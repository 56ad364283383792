"""PostgreSQL stopped in the middle of a run: no send beyond those begun, no receipt lost.

.venv/bin/python -m benchmarks.database_away [--seconds 20]
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

from batch.ledger.embedded.server import Embedded
from benchmarks import common

_MEDIA = 1500
_CONCURRENCY = 16


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Stop PostgreSQL in the middle of a run.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it is away (20)")
    words = parser.parse_args()
    with common.work_folder() as folder:
        home = folder / "home"
        database = Embedded(home)
        try:
            with common.http_server("batch.emulator", "--port", "0", "--qps", "60") as cloud:
                environment = common.clean_environment(
                    home,
                    VOD_BATCH_DATABASE_URL=database.url,
                    VOD_BATCH_ENDPOINT=cloud.url,
                    VOD_BATCH_QPS="60",
                    VOD_BATCH_CONCURRENCY=str(_CONCURRENCY),
                )
                subprocess.run(
                    [sys.executable, "-m", "batch", "migrate"], env=environment, check=True,
                    stdout=subprocess.DEVNULL,
                )  # fmt: skip
                manifest = common.write_manifest(folder / "media.csv", _MEDIA)
                common.run(environment, "load", str(manifest))
                worker = common.start(environment, "submit", "--json")
                while cloud.meter()["jobs"] < _MEDIA // 5:
                    time.sleep(0.2)
                database.stop_server()
                away = datetime.now(UTC)
                time.sleep(words.seconds)
                back = datetime.now(UTC)
                database.start_server()
                summary = common.finish(worker)
                out, _ = common.start(environment, "export", "--format", "jsonl").communicate()
                rows = [json.loads(line) for line in out.splitlines()]
                jobs = cloud.jobs()
        finally:
            database.close()
    sent = sum(away < _time(job["created_at"]) < back for job in jobs)
    known = {row["job_id"] for row in rows}
    lost = sum(job["job_id"] not in known for job in jobs)
    print(f"PostgreSQL away for {words.seconds:g} s of a run of {summary['seconds']:.0f} s")
    return common.verdict(
        [
            common.Check("jobs made", f"{len(jobs):,}", f"{_MEDIA:,}", len(jobs) == _MEDIA),
            common.Check("sent in the gap", f"{sent}", f"<= {_CONCURRENCY}", sent <= _CONCURRENCY),
            common.Check("receipts lost", f"{lost}", "0", lost == 0),
            common.Check(
                "in doubt", f"{summary['left_in_doubt']}", "0", summary["left_in_doubt"] == 0
            ),
        ]
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    sys.exit(main())
