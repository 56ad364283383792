"""A standby that lost the last second takes over, the worker alive: nothing paid twice, all told.

    .venv/bin/python -m benchmarks.failover [--rounds 10] [--seed 1] [--media 300]

Each round has a pair of stock PostgreSQL servers of its own, behind one address. The standby's
receiver is frozen at a random moment, the primary crashes at another, and the address leads to the
standby. The emulator's list of jobs is the judge.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks import common
from tests.support.postgres import make_system_user
from tests.support.proxy import proxy_to
from tests.support.stock import Pair, find_binaries, stock_pair
from tests.support.waiting import soon

_QPS = 100
_LONGEST_SECONDS = 120.0
Round = dict[str, Any]


def main() -> int:
    """Run the rounds; return the exit code."""
    parser = argparse.ArgumentParser(description="Fail over under a living worker.")
    parser.add_argument("--rounds", type=int, default=10, help="how often (10)")
    parser.add_argument("--seed", type=int, default=1, help="what the dice begin with (1)")
    parser.add_argument("--media", type=int, default=300, help="media a round (300)")
    words = parser.parse_args()
    if find_binaries() is None:
        print("no stock PostgreSQL here: install Debian's package postgresql")
        return os.EX_UNAVAILABLE
    make_system_user()
    rounds = []
    for number in range(words.rounds):
        dice = random.Random(f"{words.seed} {number}")
        rounds.append(asyncio.run(_round(dice, words.media)))
        print(f"round {number + 1}: {json.dumps(rounds[-1])}", flush=True)
    return common.verdict(_checks(rounds))


async def _round(dice: random.Random, media: int) -> Round:
    """Run one worker through one failover; return what came of it."""
    with (
        common.work_folder() as folder,
        common.http_server("batch.emulator", "--port", "0", "--qps", "0") as cloud,
        stock_pair() as pair,
        pair.primary.server.database(keep=True) as url,
    ):
        async with proxy_to(url) as line:
            environment = common.clean_environment(
                folder / "home",
                VOD_BATCH_DATABASE_URL=line.url,
                VOD_BATCH_ENDPOINT=cloud.url,
                VOD_BATCH_QPS=str(_QPS),
                VOD_BATCH_SETTLE="1ms",
            )
            manifest = common.write_manifest(folder / "media.csv", media)
            await _run(environment, "load", str(manifest))
            await soon(lambda: asyncio.to_thread(pair.has_caught_up), "the standby")
            worker = asyncio.create_task(_run(environment, "submit", "--json"))
            lost_from = dice.randrange(media // 4)
            await _arrived(cloud, lost_from)
            await asyncio.to_thread(pair.lose_what_comes)
            await _arrived(cloud, lost_from + dice.randrange(1, media // 2))
            await asyncio.to_thread(pair.fail_over)
            line.lead_to(pair.standby.server.url(urlsplit(url).path[1:]))
            line.cut()
            told = json.loads((await asyncio.wait_for(worker, _LONGEST_SECONDS)).splitlines()[-1])
            return _figures(cloud.jobs(), told, pair, urlsplit(url).path[1:])


async def _run(environment: dict[str, str], *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "batch", *words,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


async def _arrived(cloud: common.HttpServer, requests: int) -> None:
    def look() -> bool:
        return int(cloud.meter()["requests"].get("SubmitAIJob", 0)) >= requests

    await soon(lambda: asyncio.to_thread(look), f"request {requests}")


def _figures(jobs: list[dict[str, Any]], told: dict[str, Any], pair: Pair, name: str) -> Round:
    made = Counter((job["media_id"], job["type"]) for job in jobs)
    ask = "SELECT state, coalesce(job_id, '') FROM submissions"
    rows = [line.split("|") for line in pair.standby.server.psql(ask, name).splitlines()]
    known = {job_id for _, job_id in rows}
    states = Counter(state for state, _ in rows)
    unknown = sum(job["job_id"] not in known for job in jobs)
    return {
        "jobs": len(jobs),
        "paid_twice": sum(made.values()) - len(made),
        "lost": max(0, unknown - states["in_doubt"]),
        "stuck": states["submitting"] + states["pending"],
        "in_doubt": states["in_doubt"],
        "failovers": told.get("failovers"),
        "restored": told.get("restored"),
    }


def _checks(rounds: list[Round]) -> list[common.Check]:
    def total(name: str) -> int:
        return sum(each[name] for each in rounds)

    silent = sum(not each["restored"] for each in rounds)
    return [
        common.Check("paid twice", f"{total('paid_twice')}", "0", total("paid_twice") == 0),
        common.Check("lost", f"{total('lost')}", "0", total("lost") == 0),
        common.Check("stuck", f"{total('stuck')}", "0", total("stuck") == 0),
        common.Check("rounds whose summary is silent", f"{silent}", "0", silent == 0),
    ]


if __name__ == "__main__":
    sys.exit(main())
