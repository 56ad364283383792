"""Rounds of the self-test: load, submit under faults, harm, start again, settle, compare."""

import functools
import random
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from batch.core.models import JobType
from batch.core.states import State
from batch.selftest import server
from batch.selftest.plan import Harm, RoundPlan, draw_media, draw_round
from batch.selftest.processes import Strike
from batch.selftest.rig import Rig, Row
from batch.selftest.settled import Settled, how_settled

_MEDIA = 6
_YOUNG_TRIES = 2
"""Starts within the hour: answers, journals, replays and look-ups settle what they can."""
_NIGHTS = 4
"""Nights after that by which everything must have been settled."""

_UNSETTLED = {State.PENDING, State.SUBMITTING, State.IN_DOUBT}
_OPEN = {*_UNSETTLED, State.SUBMITTED}


@dataclass(frozen=True, slots=True)
class Balance:
    """What the emulator made, against what the ledger says of it.

    ``missing`` are jobs that the ledger neither knows nor doubts, ``stuck`` submissions that
    nothing moved to their end, an operator's word included, ``lost_rows`` lines without one.
    """

    jobs_made: int
    jobs_known: int
    paid_twice: int
    missing: int
    stuck: int
    lost_rows: int

    @property
    def holds(self) -> bool:
        """Whether the promise held."""
        return not (self.paid_twice or self.missing or self.stuck or self.lost_rows)


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round came to. ``asked`` are doubts that were left for an operator.

    ``last_words`` are those of the last worker that did not come to its end.
    """

    name: str
    harms: tuple[Harm, ...]
    balance: Balance
    asked: int
    settled: Settled = field(repr=False)
    last_words: str = ""


def random_rounds(rig: Rig, *, rounds: int, seed: int) -> Iterator[RoundResult]:
    """Run ``rounds`` rounds of faults and harms, drawn from ``seed``."""
    steps = count_steps(rig, seed)
    for number in range(1, rounds + 1):
        plan = draw_round(seed, number, steps=steps, media=_MEDIA)
        yield run_round(rig, plan, f"round {number}")


def every_step(rig: Rig, *, seed: int) -> Iterator[RoundResult]:
    """Kill one worker at its first step, the next at its second, until one ends before its turn."""
    dice = random.Random(f"{seed}/every step")  # noqa: S311 - a plan, not a secret
    media = draw_media(dice, _MEDIA)
    # One request whose answer is lost on the way, so that its steps are walked through as well.
    faults = ({"kind": "accept_then_drop", "action": "SubmitAIJob", "after": 1, "count": 1},)
    step = 0
    while True:
        step += 1
        harms = ((Harm.KILLED, step),)
        plan = RoundPlan(step, media, faults, harms, confirm_replay=bool(step % 2))
        result = run_round(rig, plan, f"step {step}")
        if not result.harms:
            return
        yield result


def count_steps(rig: Rig, seed: int) -> int:
    """Return how many steps a worker takes for a list when nothing goes wrong."""
    dice = random.Random(f"{seed}/steps")  # noqa: S311
    _prepare(rig, RoundPlan(0, draw_media(dice, _MEDIA), (), (), confirm_replay=False))
    return rig.submit().steps


def run_round(rig: Rig, plan: RoundPlan, name: str) -> RoundResult:
    """Run one round to its end and compare the ledger with the emulator."""
    return _Round(rig.playing_cloud(plan.plays_cloud), plan).run(name)


def _prepare(rig: Rig, plan: RoundPlan) -> None:
    rig.reset()
    rig.cloud.set_clock(plan.clock_seconds)
    rig.cloud.misbehave((), plan.words, plan.switches)
    for media_id, kind in plan.probes:
        rig.probe(media_id, JobType(kind))
    rig.load(plan.media)
    rig.confirm_replay(refused=plan.confirm_replay)
    rig.cloud.misbehave(plan.faults, None, None)


class _Round:
    """One round: what was asked for, and what has been done so far."""

    def __init__(self, rig: Rig, plan: RoundPlan) -> None:
        self._rig = rig
        self._plan = plan
        self._asked_for = [*plan.media, *plan.probes]
        self._done: list[Harm] = []
        self._harmed: dict[str, str] = {}
        self._asked = 0
        self._last_words = ""

    def run(self, name: str) -> RoundResult:
        """Run it to its end."""
        _prepare(self._rig, self._plan)
        if any(harm is Harm.DATABASE_RESTORED for harm, _ in self._plan.harms):
            server.keep_backup(self._rig.server.url)
        for harm, step in self._plan.harms:
            self._harm(harm, step)
        self._rig.cloud.set_clock(0.0)
        self._settle()
        return self._compare(name)

    def _harm(self, harm: Harm, step: int) -> None:
        """Let a worker run, and do to it what is drawn at ``step``; it may end before."""
        url = self._rig.server.url
        before = server.workers(url)
        strike = Strike(step, signal.SIGKILL if harm in _DEADLY else signal.SIGSTOP)
        ended = self._rig.submit(strike, functools.partial(_MEANWHILE[harm], self._rig))
        if not (ended.was_killed or ended.was_frozen):
            return
        self._done.append(harm)
        self._harmed |= dict.fromkeys(server.workers(url) - before, harm.value)
        if harm is Harm.DATABASE_RESTORED:
            server.restore_backup(url)

    def _settle(self) -> None:
        """Start worker and reconcile again, unharmed: the same hour, then night after night."""
        for _ in range(_YOUNG_TRIES):
            self._work()
            if self._all_settled():
                return
        for night in range(_NIGHTS):
            self._rig.pass_an_hour()
            self._next_list(night)
            self._work()
            self._decide()
            self._work()
            if self._all_settled():
                return

    def _work(self) -> None:
        for work in (self._rig.submit, self._rig.reconcile):
            ended = work()
            self._last_words = ended.stopped_by or self._last_words

    def _next_list(self, night: int) -> None:
        """Load the next night's list: its jobs show whether look-ups show jobs."""
        dice = random.Random(f"{self._plan.number}/{night}")  # noqa: S311
        media = [(f"{dice.getrandbits(128):032x}", "AIMediaDNA,AIVideoTag")]
        self._asked_for += media
        self._rig.load(media)

    def _decide(self) -> None:
        """Be an honest operator: look at the cloud's own list of jobs, and say what is there."""
        rows = self._rig.rows()
        known = {row["job_id"] for row in rows}
        for row in rows:
            if row["status"] != State.IN_DOUBT:
                continue
            jobs = [
                job["job_id"]
                for job in self._rig.cloud.jobs()
                if _pair(job) == _pair(row) and job["job_id"] not in known
            ]
            job_type = JobType(str(row["type"]))
            ended = self._rig.decide(str(row["media_id"]), job_type, jobs[0] if jobs else None)
            self._last_words = ended.stopped_by or self._last_words
            self._asked += 1

    def _all_settled(self) -> bool:
        return not any(row["status"] in _UNSETTLED for row in self._rig.rows())

    def _compare(self, name: str) -> RoundResult:
        settled = how_settled(self._rig, self._plan, self._harmed)
        self._rig.cloud.behave()
        self._rig.pass_an_hour()  # what was made under a clock of its own has ended by then
        self._work()
        asked_for = {(media, kind) for media, types in self._asked_for for kind in types.split(",")}
        return RoundResult(
            name=name,
            harms=tuple(self._done),
            balance=weigh(self._rig.cloud.jobs(), self._rig.rows(), asked_for),
            asked=self._asked,
            settled=settled,
            last_words=self._last_words,
        )


def weigh(
    jobs: Sequence[Row], rows: Sequence[Row], asked_for: Collection[tuple[str, str]]
) -> Balance:
    """Compare the jobs that were really made with what the ledger says, and with the lists.

    A job beyond the first of a media and type is paid twice: the operator here resends nothing.
    """
    known = {row["job_id"] for row in rows if row["job_id"]}
    doubted = {_pair(row) for row in rows if row["status"] == State.IN_DOUBT}
    made = Counter(_pair(job) for job in jobs)
    return Balance(
        jobs_made=len(jobs),
        jobs_known=sum(job["job_id"] in known for job in jobs),
        paid_twice=sum(times - 1 for times in made.values()),
        missing=sum(job["job_id"] not in known and _pair(job) not in doubted for job in jobs),
        stuck=sum(row["status"] in _OPEN for row in rows),
        lost_rows=len(set(asked_for) - {_pair(row) for row in rows}),
    )


def _pair(row: Row) -> tuple[object, object]:
    return row["media_id"], row["type"]


def _take_over(rig: Rig) -> None:
    """Be another worker, and reconcile, while one is frozen without a sign of life."""
    server.silence_workers(rig.server.url)
    rig.submit()
    rig.reconcile()


def _take_over_late(rig: Rig) -> None:
    rig.pass_an_hour()
    _take_over(rig)


_DEADLY = {Harm.KILLED, Harm.DATABASE_RESTORED}
_MEANWHILE: dict[Harm, Callable[[Rig], None]] = {
    Harm.KILLED: lambda _rig: None,
    Harm.DATABASE_RESTORED: lambda _rig: None,
    Harm.FROZEN: _take_over,
    Harm.FROZEN_AN_HOUR: _take_over_late,
    Harm.DATABASE_RESTARTED: lambda rig: rig.server.restart(),
}
