"""Six faults at 2 % each and a SIGKILL every two seconds: nothing paid twice, nothing lost.

    .venv/bin/python -m benchmarks.faults_and_kills [--media 3000] [--every 2]

The emulator's list of jobs is the judge. After the kills the last worker runs to its end, then
reconcile settles the doubts, with the look-up visible, and what it proved absent is sent.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from typing import Any

from benchmarks import common

FAULTS: list[dict[str, object]] = [
    {"kind": "drop_before"},
    {"kind": "accept_then_drop"},
    {"kind": "hang", "execute": True, "seconds": 5},
    {"kind": "cut_body"},
    {"kind": "error_500", "execute": True},
    {"kind": "error_503", "execute": False},
]
_PROBABILITY = 0.02
_MOST_ROUNDS = 20


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Submit under faults and kills.")
    parser.add_argument("--media", type=int, default=3000, help="media to submit (3000)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between kills (2)")
    words = parser.parse_args()
    with common.work_folder() as folder:
        home = folder / "home"
        with (
            common.embedded_postgres(home) as url,
            common.http_server("batch.emulator", "--port", "0", "--qps", "0") as cloud,
        ):
            environment = common.clean_environment(
                home,
                VOD_BATCH_DATABASE_URL=url,
                VOD_BATCH_ENDPOINT=cloud.url,
                # So many doubts slow a run down to a tenth, and would end it: ill is what is tried.
                VOD_BATCH_QPS="1500",
                VOD_BATCH_DOUBT_PERCENT="100",
                VOD_BATCH_READ_TIMEOUT="1s",
                VOD_BATCH_SETTLE="2s",
            )
            manifest = common.write_manifest(folder / "media.csv", words.media)
            subprocess.run(
                [sys.executable, "-m", "batch", "migrate"], env=environment, check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            common.run(environment, "load", str(manifest))
            _set_faults(cloud.url)
            kills = _submit_and_kill(environment, words.every)
            _set_faults(cloud.url, [])
            rounds = _settle(environment)
            rows = _export(environment)
            jobs = cloud.jobs()
    print(f"{words.media:,} media, {kills} kills, {rounds} rounds of reconcile and submit")
    return common.verdict(_checks(words.media, rows, jobs))


def _submit_and_kill(environment: dict[str, str], every: float) -> int:
    """Start workers and kill each after ``every`` seconds, until one gets through."""
    kills = 0
    while True:
        worker = common.start(environment, "submit")
        try:
            worker.communicate(timeout=every + _START_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.communicate()
            kills += 1
        else:
            return kills


_START_SECONDS = 1.0
"""What a worker takes to begin: the kills are counted from then on."""


def _settle(environment: dict[str, str]) -> int:
    """Reconcile and submit by turns until nothing is open; return the turns."""
    for turn in range(1, _MOST_ROUNDS + 1):
        for words in (("reconcile",), ("submit",)):
            common.start(environment, *words).communicate()
        states = common.run(environment, "status")["states"]
        if not states["in_doubt"] + states["pending"] + states["submitting"]:
            return turn
    return _MOST_ROUNDS


def _export(environment: dict[str, str]) -> list[dict[str, Any]]:
    out, _ = common.start(environment, "export", "--format", "jsonl").communicate()
    return [json.loads(line) for line in out.splitlines()]


def _checks(
    media: int, rows: list[dict[str, Any]], jobs: list[dict[str, Any]]
) -> list[common.Check]:
    made = Counter((job["media_id"], job["type"]) for job in jobs)
    twice = sum(times - 1 for times in made.values())
    known = {row["job_id"] for row in rows}
    lost = sum(job["job_id"] not in known for job in jobs)
    in_doubt = sum(row["status"] == "in_doubt" for row in rows)
    return [
        common.Check("rows", f"{len(rows):,}", f"{media:,}", len(rows) == media),
        common.Check("jobs made", f"{len(jobs):,}", f"{media:,}", len(jobs) == media),
        common.Check("paid twice", f"{twice:,}", "0", twice == 0),
        common.Check("lost", f"{lost:,}", "0", lost == 0),
        common.Check("in doubt", f"{in_doubt:,}", "0", in_doubt == 0),
    ]


def _set_faults(url: str, kinds: "list[dict[str, object]] | None" = None) -> None:
    chosen = FAULTS if kinds is None else kinds
    rules = [{**kind, "action": "SubmitAIJob", "probability": _PROBABILITY} for kind in chosen]
    common.call(url, "DELETE", "_emulator/faults")
    if rules:
        common.call(url, "POST", "_emulator/faults", rules)


if __name__ == "__main__":
    sys.exit(main())
