"""Five nights of ``vod-batch nightly`` under a moved clock, and the books compared after them.

    .venv/bin/python -m benchmarks.five_nights

An inbox that grows, with duplicates, bad lines and media that are not there. In the second night
clocks go forward over its deadline, in the third a budget is reached, in the fourth the account is
in arrears, the fifth passes midnight into another month. The emulator's own meter says what really
happened: what it charged must be what the ledger says, to the cent, and no night may cost more than
its budget.
"""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import common
from benchmarks.moved_clock import make_movable, move_database

QPS = 100
_BUDGET = Decimal(60)
_ZONE = "Europe/Berlin"
_EMULATOR = """
[quota]
limits = { SubmitAIJob = 100 }
[jobs]
finished_after_seconds = 1.0
fail_ratio = 0.03
[media]
duration_range = [30.0, 900.0]
missing = [MISSING]
"""
_PRICES = '{"AIMediaDNA": "0.05", "AIVideoTag": "0.30"}'


@dataclass
class Lists:
    """What was put into the inbox so far, in lines."""

    inbox: Path
    lines: int = 0
    bad: int = 0
    repeated: int = 0
    _next: int = 0

    def drop(self, name: str, new: int, *, repeat: int = 0, bad: int = 0) -> None:
        """Put in a list of ``new`` media, ``repeat`` that were in earlier ones, and bad lines."""
        numbers = [*range(self._next, self._next + new), *range(repeat)]
        self._next += new
        text = io.StringIO()
        text.write("media_id,types\n")
        for number in numbers:
            types = "AIMediaDNA" if number % 4 else "AIMediaDNA+AIVideoTag"
            text.write(f"{common.media_id(number)},{types}\n")
        text.writelines(f"not an id {number},AIMediaDNA\n" for number in range(bad))
        path = self.inbox / name
        path.write_text(text.getvalue(), encoding="utf-8")
        os.utime(path, (0, 0))
        self.lines += len(numbers) + bad
        self.bad += bad
        self.repeated += repeat


@dataclass
class Night:
    """One night as it went."""

    name: str
    starts_at: datetime
    code: int
    facts: dict[str, Any]
    charged: Decimal


@dataclass
class Shift:
    """Everything five nights need."""

    environment: dict[str, str]
    database: str
    server: common.HttpServer
    lists: Lists
    nights: list[Night] = field(default_factory=list)

    def night(self, name: str, starts_at: datetime, *words: str) -> Night:
        """Set the clocks and run one night to its end."""
        ahead = starts_at - datetime.now(UTC)
        asyncio.run(move_database(self.database, ahead))
        now = (datetime.now(UTC) + ahead).isoformat()
        common.call(self.server.url, "POST", "_emulator/clock", {"now": now})
        before = _charged(self.server)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.moved_clock", str(ahead.total_seconds()), "nightly",
             str(self.lists.inbox), "--json", *words],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.stdout:
            raise RuntimeError(f"the night of {name} told nothing: {done.stderr[-2000:]}")
        facts = dict(json.loads(done.stdout.splitlines()[-1]))
        night = Night(name, starts_at, done.returncode, facts, _charged(self.server) - before)
        self.nights.append(night)
        return night


def _charged(server: common.HttpServer) -> Decimal:
    return Decimal(server.meter()["cost"]["total"])


@contextmanager
def _shift() -> Iterator[Shift]:
    # None among the first 20 rows of a list: a night without preflight sends them as its canary,
    # which with some missing and 3 in 100 failing by chance would now and then rightly hold it.
    missing = ", ".join(f'"{common.media_id(number)}"' for number in range(16, 4000, 20))
    with common.work_folder() as folder, common.embedded_postgres(folder / "home") as postgres:
        asyncio.run(_new_database(postgres))
        database = postgres.replace("/postgres?", "/nights?")
        asyncio.run(make_movable(database, "nights"))
        settings = folder / "emulator.toml"
        settings.write_text(_EMULATOR.replace("MISSING", missing), encoding="utf-8")
        with common.http_server(
            "batch.emulator", "--port", "0", "--settings", str(settings)
        ) as server:
            environment = common.clean_environment(
                folder / "home",
                VOD_BATCH_DATABASE_URL=database, VOD_BATCH_ENDPOINT=server.url,
                VOD_BATCH_QPS=str(QPS), VOD_BATCH_POLL_QPS="90", VOD_BATCH_PREFLIGHT_QPS="90",
                VOD_BATCH_TIMEZONE=_ZONE, VOD_BATCH_PRICES=_PRICES, VOD_BATCH_RECONCILE_FOR="60s",
            )  # fmt: skip
            subprocess.run(
                [sys.executable, "-m", "batch", "migrate"], env=environment, check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            inbox = folder / "inbox"
            inbox.mkdir()
            yield Shift(environment, database, server, Lists(inbox))


async def _new_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE DATABASE nights")
    finally:
        await connection.close()


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _five_nights(shift: Shift) -> None:
    lists, server = shift.lists, shift.server
    lists.drop("friday.csv", 300, bad=7)
    shift.night("all is well", _at("2027-03-26T23:30:00+01:00"), "--until", "06:00")
    lists.drop("saturday.csv", 2000, repeat=150, bad=5)
    # 02:30 does not come in this night: it is over when clocks jump from 02:00 to 03:00.
    shift.night("deadline at DST", _at("2027-03-28T01:59:40+01:00"), "--until", "02:30")
    lists.drop("monday.csv", 400, repeat=90)
    shift.night(
        "budget", _at("2027-03-29T23:00:00+02:00"), "--until", "06:00",
        "--budget-day", str(_BUDGET),  # by a flag, for it is this night's alone
    )  # fmt: skip
    lists.drop("tuesday.csv", 200, bad=3)
    common.call(server.url, "POST", "_emulator/accounts", {"default": "arrears"})
    shift.night("arrears", _at("2027-03-30T23:00:00+02:00"), "--until", "06:00", "--no-preflight")
    common.call(server.url, "POST", "_emulator/accounts", {"default": "ok"})
    lists.drop("wednesday.csv", 300)
    shift.night("into April", _at("2027-03-31T23:59:50+02:00"), "--until", "06:00")


def _checks(shift: Shift) -> Iterator[common.Check]:
    _, deadline, budget, arrears, _ = shift.nights
    meter, jobs = shift.server.meter(), shift.server.jobs()
    status = _read(shift, "status", "--json")
    rows = list(csv.DictReader(io.StringIO(_text(shift, "export"))))
    states = Counter(row["status"] for row in rows)

    def equal(name: str, found: object, wanted: object) -> common.Check:
        return common.Check(name, str(found), f"= {wanted}", found == wanted)

    loads = [load for night in shift.nights for load in night.facts["loads"]]
    yield equal(
        "lines in lists", sum(load["facts"]["lines"] - 1 for load in loads), shift.lists.lines
    )
    yield equal("quarantined", sum(load["facts"]["quarantined"] for load in loads), shift.lists.bad)
    yield equal("rows: by state", sum(status["states"].values()), len(rows))
    loaded = sum(load["counts"]["submissions"] for load in loads)
    yield equal("rows: loaded", loaded, len(rows))
    yield equal(
        "rows: open", sum(states[s] for s in ("pending", "submitting", "in_doubt", "submitted")), 0
    )
    yield equal("jobs made, with an end", states["succeeded"] + states["failed"], meter["jobs"])
    known = {row["job_id"] for row in rows if row["job_id"]}
    yield equal("JobIds known", len(known & {job["job_id"] for job in jobs}), meter["jobs"])
    yield equal("paid twice", meter["media_types_with_more_than_one_job"]["count"], 0)
    yield equal("refused calls for missing media", _refused(meter), 0)
    (cost,) = status["costs"]["by_currency"]
    yield equal(
        "charged, ledger and cloud", Decimal(cost["charged"]), Decimal(meter["cost"]["total"])
    )
    yield equal("of unknown cost", status["costs"]["unknown"], 0)
    yield equal("still reserved", Decimal(cost["reserved"]), Decimal(0))
    yield equal("exit codes", [night.code for night in shift.nights], [3, 3, 3, 69, 3])
    yield equal("deadline", deadline.facts["ends_at"], "2027-03-28T01:00:00+00:00")
    ended = _at(deadline.facts["ended_at"]) - _at(deadline.facts["ends_at"])
    yield common.Check(
        "past the deadline",
        f"{ended.total_seconds():.1f} s",
        "< 45 s",
        ended < timedelta(seconds=45),
    )
    late = [job for job in jobs if _is_late(job, deadline)]
    yield equal("jobs begun after the deadline", len(late), 0)
    use = budget.facts["submitted"]["budgets"][0]
    spent = Decimal(use["spent"])
    yield common.Check(
        "bound by the budget's night", f"{spent:.2f}", f"<= {_BUDGET}", spent <= _BUDGET
    )
    yield equal("why it ended", budget.facts["stopped_by"], "the budget is reached")
    on_day = _cost_of_day(jobs, rows, "2027-03-29")
    yield common.Check(
        "charged for that night's jobs", f"{on_day:.2f}", f"<= {_BUDGET}", on_day <= _BUDGET
    )
    yield equal("charged in arrears", arrears.charged, Decimal(0))
    yield common.Check(
        "busiest second",
        str(meter["busiest_second"]),
        f"<= {QPS}",
        meter["busiest_second"] <= QPS,
    )


def _refused(meter: dict[str, Any]) -> int:
    return int(meter["answers"].get("InvalidVideo.NotFound", 0))


def _is_late(job: dict[str, Any], night: Night) -> bool:
    made = _at(job["created_at"])
    ends_at = _at(night.facts["ends_at"])
    return ends_at + timedelta(seconds=2) < made < ends_at + timedelta(hours=1)


def _cost_of_day(jobs: list[dict[str, Any]], rows: list[dict[str, str]], day: str) -> Decimal:
    """Add up the rows whose jobs were made from 20:00 UTC of a day to 04:00 UTC of the next."""
    begins = _at(f"{day}T20:00:00+00:00")
    made = {
        job["job_id"]
        for job in jobs
        if begins <= _at(job["created_at"]) < begins + timedelta(hours=8)
    }
    return sum(
        (Decimal(row["cost"]) for row in rows if row["job_id"] in made and row["cost"]), Decimal(0)
    )


def _text(shift: Shift, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "batch", *words], env=shift.environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout


def _read(shift: Shift, *words: str) -> dict[str, Any]:
    return dict(json.loads(_text(shift, *words)))


def main() -> int:
    """Run the nights; return the exit code."""
    with _shift() as shift:
        _five_nights(shift)
        common.table(
            ("night", "from", "exit", "sent", "charged", "stopped because"),
            [
                (
                    night.name,
                    f"{night.starts_at:%a %d %b %H:%M %z}",
                    str(night.code),
                    str(_sent(night)),
                    f"{night.charged:.2f}",
                    str(night.facts["stopped_by"])[:60],
                )
                for night in shift.nights
            ],
        )
        print()
        return common.verdict(list(_checks(shift)))


def _sent(night: Night) -> int:
    runs = (night.facts["canary_run"], night.facts["submitted"])
    return sum(run["states"].get("submitted", 0) for run in runs if run)


if __name__ == "__main__":
    sys.exit(main())
