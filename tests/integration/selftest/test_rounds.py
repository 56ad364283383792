"""The self-test itself: it sees what it must see, and what it draws can be drawn again."""

import asyncio
import signal
from functools import partial
from pathlib import Path

import asyncpg

from batch.selftest.plan import Harm, RoundPlan, draw_round
from batch.selftest.processes import Strike, run_process
from batch.selftest.rig import open_rig
from batch.selftest.rounds import run_round, weigh
from batch.selftest.server import grow_older, run_sql
from tests.support.ledger import Ledger, media
from tests.support.waiting import soon

LOST = ({"kind": "accept_then_drop", "action": "SubmitAIJob", "count": 1},)


def test_the_same_seed_draws_the_same_round() -> None:
    """Another seed, or another round, draws another one."""
    once, again, other = [draw_round(seed, 7, steps=100, media=6) for seed in (1, 1, 2)]
    assert once == again
    assert once.media != other.media


def test_a_frozen_process_goes_on_after_what_happens_meanwhile() -> None:
    """It is stopped at its step, and thawed when the rest is done; a killed one is not."""
    seen: list[str] = []

    async def work() -> None:
        return None

    frozen = run_process(work, Strike(1, signal.SIGSTOP), lambda: seen.append("meanwhile"))
    killed = run_process(work, Strike(1, signal.SIGKILL))
    assert (frozen.was_frozen, frozen.was_killed, seen) == (True, False, ["meanwhile"])
    assert frozen.steps > 0
    assert killed.was_killed


def _row(media_id: str, status: str, job_id: str | None = None) -> dict[str, object]:
    return {"media_id": media_id, "type": "AIMediaDNA", "status": status, "job_id": job_id}


def test_the_meter_is_honest() -> None:
    """Each way to break the promise is counted, and nothing else is."""
    jobs: list[dict[str, object]] = [
        {"media_id": name, "type": "AIMediaDNA", "job_id": job}
        for name, job in [("a", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("d", "5")]
    ]
    rows = [
        _row("a", "succeeded", "1"),
        _row("b", "rejected"),
        _row("c", "in_doubt"),
        _row("d", "submitted", "5"),
    ]
    balance = weigh(jobs, rows, {(name, "AIMediaDNA") for name in "abcde"})
    assert (balance.jobs_made, balance.jobs_known) == (5, 2)
    assert balance.paid_twice == 1
    assert balance.missing == 2  # the second of a, and that of the rejected b
    assert balance.stuck == 2  # a doubt and a job that nobody followed to its end
    assert balance.lost_rows == 1
    assert not balance.holds
    assert weigh(jobs[:1], rows[:1], {("a", "AIMediaDNA")}).holds


def test_rounds_on_a_given_server_leave_nothing_there(database_url: str, tmp_path: Path) -> None:
    """A frozen worker, a lost answer: settled, told by what, and the database is gone after it."""
    plan = RoundPlan(
        1, ((media(1), "AIMediaDNA"), (media(2), "AIVideoTag")), LOST, ((Harm.FROZEN, 60),), False
    )
    with open_rig(tmp_path, database_url) as rig:
        result = run_round(rig, plan, "round")
        silent = run_round(rig, RoundPlan(2, plan.media, (), (), False), "silent")
    assert result.balance.holds, result
    assert result.harms == (Harm.FROZEN,)
    assert result.settled["accept then drop", "look-up"] == 1
    assert silent.balance.holds
    assert not silent.settled
    found = "SELECT FROM pg_database WHERE datname LIKE 'vod_batch_selftest_%'"
    assert run_sql(database_url, found) == []


async def test_what_a_frozen_process_had_asked_for_belongs_to_the_hour_before(
    ledger: Ledger,
) -> None:
    """Its intent is committed while time is about to pass: its request is as old as the others."""
    await ledger.add([1])
    await ledger.begin(1)
    frozen, holder = await asyncpg.connect(ledger.url), await asyncpg.connect(ledger.url)
    late = "f" * 32
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM attempts FOR UPDATE")
            asked = asyncio.ensure_future(frozen.execute(f"UPDATE attempts SET nonce = '{late}'"))
            await soon(partial(_is_there, ledger, "UPDATE attempts SET nonce%"), "its statement")
            passing = asyncio.ensure_future(asyncio.to_thread(grow_older, ledger.url, 3600))
            await soon(partial(_is_there, ledger, "%make_interval%", "%client backend%"), "time")
        await asked
        assert await passing == [late]
    finally:
        await frozen.close()
        await holder.close()


async def _is_there(ledger: Ledger, *queries: str) -> bool:
    there = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    return bool(await ledger.sql.fetchval(f"{there} AND query LIKE ANY ($1))", queries))
