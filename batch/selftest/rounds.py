"""Rounds of the self-test: load, submit under faults, kill, start again, reconcile, compare."""

import asyncio
import csv
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.core.states import State
from batch.engine.loading import load_manifest
from batch.ledger.doubts import Doubts
from batch.ledger.opening import open_ledger
from batch.report.insights import Insights
from batch.selftest.plan import RoundPlan, draw_media, draw_round
from batch.selftest.rig import Rig

_MEDIA = 6
_TRIES = 20
"""Starts after the last kill by which everything must have been settled."""

_OPEN = {State.PENDING, State.SUBMITTING}


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round came to. ``missing`` are jobs that the ledger neither knows nor doubts.

    ``lost_rows`` are lines of the list without a submission.
    """

    name: str
    kills: int
    jobs_made: int
    jobs_known: int
    in_doubt: int
    paid_twice: int
    missing: int
    lost_rows: int

    @property
    def holds(self) -> bool:
        """Whether the promise held."""
        return not (self.paid_twice or self.missing or self.lost_rows)


def random_rounds(rig: Rig, folder: Path, *, rounds: int, seed: int) -> Iterator[RoundResult]:
    """Run ``rounds`` rounds of faults and kills, drawn from ``seed``."""
    steps = count_steps(rig, folder, seed)
    for number in range(1, rounds + 1):
        plan = draw_round(seed, number, steps=steps, media=_MEDIA)
        yield run_round(rig, folder, plan, f"round {number}")


def every_step(rig: Rig, folder: Path, *, seed: int) -> Iterator[RoundResult]:
    """Kill one worker at its first step, the next at its second, until one ends before its turn."""
    dice = random.Random(f"{seed}/every step")  # noqa: S311 - a plan, not a secret
    media = draw_media(dice, _MEDIA)
    # One request whose answer is lost on the way, so that its steps are walked through as well.
    faults = ({"kind": "accept_then_drop", "action": "SubmitAIJob", "after": 1, "count": 1},)
    step = 0
    while True:
        step += 1
        plan = RoundPlan(step, media, faults, (step,), confirm_replay=bool(step % 2))
        result = run_round(rig, folder, plan, f"step {step}")
        if not result.kills:
            return
        yield result


def count_steps(rig: Rig, folder: Path, seed: int) -> int:
    """Return how many steps a worker takes for a list when nothing goes wrong."""
    dice = random.Random(f"{seed}/steps")  # noqa: S311
    _prepare(rig, folder, RoundPlan(0, draw_media(dice, _MEDIA), (), (), confirm_replay=False))
    steps = rig.submit(kill_at=None)
    assert steps is not None
    return steps


def run_round(rig: Rig, folder: Path, plan: RoundPlan, name: str) -> RoundResult:
    """Run one round to its end and compare the ledger with the emulator."""
    _prepare(rig, folder, plan)
    kills = 0
    for kill_at in plan.kills:
        kills += rig.submit(kill_at) is None
        rig.wait_for_the_wire()
    _settle_everything(rig)
    return _compare(rig, plan, name, kills)


def _prepare(rig: Rig, folder: Path, plan: RoundPlan) -> None:
    rig.reset()
    manifest = folder / f"round-{plan.number}.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([("media_id", "types"), *plan.media])
    asyncio.run(_load(rig, manifest, confirm_replay=plan.confirm_replay))
    manifest.unlink()
    rig.set_faults(plan.faults)


async def _load(rig: Rig, manifest: Path, *, confirm_replay: bool) -> None:
    async with open_ledger(rig.settings) as (database, store):
        await load_manifest(database, store.target, str(manifest), rig.settings)
        await Doubts(database, store.target).confirm_replay(refused=confirm_replay)


def _settle_everything(rig: Rig) -> None:
    """Start worker and reconcile again, unharmed, until nothing is left open."""
    for _ in range(_TRIES):
        rig.submit(kill_at=None)
        rig.wait_for_the_wire()
        rig.reconcile()
        if not _states(rig).keys() & {*_OPEN, State.IN_DOUBT}:
            return


def _states(rig: Rig) -> Counter[State]:
    return Counter(State(str(row["status"])) for row in asyncio.run(_rows(rig)))


async def _rows(rig: Rig) -> list[dict[str, object]]:
    async with open_ledger(rig.settings) as (database, store):
        return [row async for row in Insights(database, store.target).export(None, None)]


def _compare(rig: Rig, plan: RoundPlan, name: str, kills: int) -> RoundResult:
    jobs = rig.jobs()
    rows = asyncio.run(_rows(rig))
    known = {row["job_id"] for row in rows if row["job_id"]}
    doubted = {(row["media_id"], row["type"]) for row in rows if row["status"] == State.IN_DOUBT}
    asked = {(media, kind) for media, types in plan.media for kind in types.split(",")}
    made = Counter((job["media_id"], job["type"]) for job in jobs)
    return RoundResult(
        name=name,
        kills=kills,
        jobs_made=len(jobs),
        jobs_known=sum(job["job_id"] in known for job in jobs),
        in_doubt=len(doubted),
        paid_twice=sum(times - 1 for times in made.values()),
        missing=sum(
            job["job_id"] not in known and (job["media_id"], job["type"]) not in doubted
            for job in jobs
        ),
        lost_rows=len(asked - {(row["media_id"], row["type"]) for row in rows}),
    )
