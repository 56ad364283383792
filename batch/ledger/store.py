"""The worker's side of the ledger: one concrete store, one method a statement."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from batch.core.budget import BudgetUse, NextCost, Spending
from batch.core.models import Claim, ClaimedSubmission, JobType, Target, Worker, WorkerId
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.connecting.waits import at_once
from batch.ledger.database import Database
from batch.ledger.restoring import record_arguments, unmoved

QueuePlace = tuple[int, int]
"""A submission's place in the queue: its priority, the highest first, then its id."""

SILENCE_SECONDS = 20.0
"""How long a worker waits for one statement; a line that is cut in silence gives no error."""

_TOLERATED_STEP_SECONDS = 1.0
"""Of the database's clock; a step forward looks like a statement that took so long."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may still come when nothing can be begun now; times in seconds from now.

    ``on_wire`` counts the submissions in ``submitting``, of any worker. ``due_in`` is when the
    next pending row is due, ``None`` without one. ``cooldown_left`` is positive during a
    cooldown.
    """

    on_wire: int
    due_in: float | None
    cooldown_left: float | None

    @property
    def is_due(self) -> bool:
        """Whether something could be begun now, but for what others are sending."""
        is_cooling = self.cooldown_left is not None and self.cooldown_left > 0
        return self.due_in is not None and self.due_in <= 0 and not is_cooling


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots of the shared pace, by the database's clock: the first is ``first_in`` seconds after
    ``at`` (epoch, seconds), when they were taken. A cooldown lasts ``cooldown_left`` seconds more.
    """

    at: float
    first_in: float
    cooldown_left: float


class Store:
    """Statements that move submissions, for one target."""

    def __init__(
        self, database: Database, target: Target, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self.target = target
        self._clock = clock
        self._seen_clock: tuple[float, float] | None = None
        """What the database's clock showed (epoch), and our own before that was asked."""

    async def beat(self, worker: Worker) -> None:
        """Say that the worker is alive; the first beat makes its row."""
        await self._fetch("beat", worker.id, self.target.id, worker.host, worker.pid)

    async def end_worker(self, worker: WorkerId) -> None:
        """Say that the worker has stopped: whatever it still holds is in doubt."""
        await self._fetch("end_worker", worker)

    async def begin(
        self,
        worker: WorkerId,
        nonces: Sequence[str],
        signed_at: datetime,
        *,
        most_rows: int,
        spending: Spending,
        first_id: int | None = None,
        plan: UUID | None = None,
        access_key_id: str | None = None,
        place: QueuePlace | None = None,
        now: datetime | None = None,
    ) -> list[Claim]:
        """Claim at most as many requests as there are ``nonces``, each intent committed.

        No more than ``most_rows`` submissions are claimed in all, and none that could overrun a
        budget of ``spending``: what each may cost is reserved with its intent. ``plan`` holds
        the rows that alone may go, if it is not all (:class:`batch.submit.planning.Planner`).

        With ``first_id`` only this submission and those loaded after it lead a request; with
        ``place`` only those that do not stand in front of it in the line.

        ``signed_at`` is UTC in whole seconds, as ``x-acs-date`` carries it; ``access_key_id`` is
        the key that is to sign. ``now``, for the budgets, is the database's clock unless a test
        hands one in.
        """
        rows = await self._fetch(
            "begin", self.target.id, len(nonces), worker, list(nonces), signed_at, now, most_rows,
            *spending.price_arguments, *spending.budget_arguments, first_id, plan, access_key_id,
            *(place or (None, None)),
        )  # fmt: skip
        by_request: dict[str, list[asyncpg.Record]] = {}
        for row in rows:
            by_request.setdefault(row["nonce"], []).append(row)
        return [_claim(members, signed_at, access_key_id) for members in by_request.values()]

    async def due_span(self) -> tuple[int, int] | None:
        """Return the lowest and the highest id of what is sendable, if there is anything."""
        row = await self._first("due_span", self.target.id)
        return None if row["first"] is None else (row["first"], row["last"])

    async def passed_since_refused(
        self, submissions: Sequence[int], code: str, most: int
    ) -> dict[int, int]:
        """Return those that ``code`` refused before, and how many others passed since.

        Others are of the same type, begun after the first such refusal; ``most`` are counted.
        """
        rows = await self._fetch("passed_since_refused", list(submissions), code, most)
        return {row["id"]: row["passed"] for row in rows}

    async def open_periods(self, spending: Spending) -> None:
        """Make the rows that count budgets; without them a begin under a budget claims nothing."""
        currency = spending.prices.currency
        await self._fetch(
            "open_periods", self.target.id, currency, spending.run, spending.zone, None
        )

    async def budget_uses(self, spending: Spending) -> list[BudgetUse]:
        """Say how far each budget in force is used."""
        rows = await self._fetch(
            "budget_uses", self.target.id, spending.prices.currency, spending.run, spending.zone,
            *spending.budget_arguments, None,
        )  # fmt: skip
        return [BudgetUse(row["kind"], row["most"], row["amount"]) for row in rows]

    async def next_cost(self, spending: Spending, plan: UUID | None = None) -> NextCost | None:
        """Say what the next sendable submission may cost; ``None`` without one."""
        _, prices, longest, *_ = spending.price_arguments
        rows = await self._fetch("next_cost", self.target.id, prices, longest, plan)
        return NextCost(**rows[0]) if rows else None

    async def give_back(self, worker: WorkerId, nonces: Sequence[str]) -> list[str]:
        """Return to ``pending`` what begins claimed whose answer was lost, and that nobody sends.

        ``nonces`` are those that the begins drew; returned are those that were found.
        """
        rows = await self._fetch("give_back", worker, list(nonces))
        return [row["nonce"] for row in rows]

    async def record(self, verdicts: Sequence[Verdict], actor: str) -> list[int]:
        """Commit verdicts in one statement; return the submissions that did not move.

        At most one verdict a submission. A submission does not move when another lease, a terminal
        state or the very same state got there first; its evidence is on the attempt all the same.
        A JobId of another submission is kept there too, and leaves its submission in doubt.
        """
        rows = await self._fetch("record", *record_arguments(verdicts), actor)
        return unmoved(rows)

    async def start_cooldown(self, seconds: float) -> None:
        """Let no worker begin anything for ``seconds``; a longer cooldown stays.

        It does not wait for the database: the caller cools down anyway.
        """
        with at_once():
            await self._fetch("start_cooldown", self.target.id, seconds)

    async def take_slots(self, slots: int, interval: float, ahead: float = 0.0) -> Slots:
        """Take ``slots`` of the shared pace, ``interval`` seconds apart, none sooner than ``ahead``
        seconds from now.
        """

        async def take() -> tuple[float, float | None, asyncpg.Record]:
            asked, latest = self._clock(), self._latest_time()  # anew, for time goes by meanwhile
            row = await self._first("take_slots", self.target.id, slots, interval, latest, ahead)
            return asked, latest, row

        asked, latest, row = await self._database.patiently(take)
        self._seen_clock = row["at"], asked
        if latest is not None and row["at"] > latest:
            _tell_step("forward", row["at"] - latest)
        await self._follow_clock(row["set_back"])
        return Slots(row["at"], row["first_in"], max(0.0, row["cooldown_left"] or 0.0))

    def _latest_time(self) -> float | None:
        """Return what the database's clock shows at the most, unless it was set forward."""
        if self._seen_clock is None:
            return None
        showed, asked = self._seen_clock
        return showed + (self._clock() - asked) + _TOLERATED_STEP_SECONDS

    async def _follow_clock(self, set_back: float | None) -> None:
        """Where the database's clock was set back, let nothing wait until it has caught up."""
        if set_back is not None and set_back > _TOLERATED_STEP_SECONDS:
            _tell_step("back", set_back)
            await self._database.fetch("follow_clock", self.target.id, set_back)

    async def expire(
        self, silence_seconds: float, actor: str, idle: WorkerId | None = None
    ) -> list[int]:
        """Move what dead workers hold to ``in_doubt``; return those submissions.

        What had to wait for another doubt of its media and type is among them, when that is over.
        ``idle`` is a worker that is sending nothing: what it holds, nobody sends.
        """
        await self._fetch("admit_waiting", self.target.id, actor)
        seen = await self._first("see_clock", self.target.id)
        await self._follow_clock(seen["set_back"])
        rows = await self._fetch("expire", self.target.id, silence_seconds, actor, idle)
        return [row["id"] for row in rows]

    async def now(self) -> datetime:
        """Return the database's time, which heartbeats are stamped with."""
        moment: datetime = (await self._first("clock"))["now"]
        return moment

    async def silent_workers(
        self, since: datetime, silence_seconds: float, known: Sequence[WorkerId]
    ) -> set[str]:
        """Return the hosts of workers that lived at ``since`` and sent no heartbeat after it."""
        rows = await self._fetch(
            "silent_workers", self.target.id, since, silence_seconds, list(known)
        )
        return {row["host"] for row in rows}

    async def adopt_strays(self, actor: str) -> list[int]:
        """Give what is pending the JobId that came for it late; return those submissions."""
        rows = await self._fetch("adopt_strays", self.target.id, actor)
        return [row["id"] for row in rows]

    async def outlook(self, plan: UUID | None = None) -> Outlook:
        """Say what may still come when nothing can be begun now."""
        row = await self._first("outlook", self.target.id, plan)
        return Outlook(row["on_wire"], row["due_in"], row["cooldown_left"])

    async def count_states(self) -> dict[State, int]:
        """Return the number of submissions in each state of the target."""
        rows = await self._database.fetch("count_states", self.target.id)
        counts = dict.fromkeys(State, 0)
        return counts | {State(row["state"]): row["n"] for row in rows}

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement that a worker cannot wait for: silence means that PostgreSQL is away."""
        return await self._database.fetch(name, *arguments, timeout=SILENCE_SECONDS)

    async def _first(self, name: str, *arguments: object) -> asyncpg.Record:
        return (await self._fetch(name, *arguments))[0]


def _tell_step(direction: str, seconds: float) -> None:
    """Log that the database's clock was set."""
    from batch.logs import rare_logger  # a command that only looks must be quick

    rare_logger().warning(f"database_clock_set_{direction}", seconds=round(seconds, 1))


def _claim(rows: Sequence[asyncpg.Record], signed_at: datetime, access_key_id: str | None) -> Claim:
    first = rows[0]
    return Claim(
        media_id=first["media_id"],
        config=first["config"],
        user_data=first["user_data"],
        nonce=first["nonce"],
        signed_at=signed_at,
        members=tuple(
            ClaimedSubmission(
                row["id"],
                row["lease"],
                JobType(row["job_type"]),
                row["attempts"],
                row["config_key"],
                row["batch_id"],
                row["priority"],
            )
            for row in sorted(rows, key=lambda row: str(row["job_type"]))
        ),
        campaign=first["campaign"],
        access_key_id=access_key_id,
    )
