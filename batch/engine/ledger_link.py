"""The worker's line to the ledger: patient while PostgreSQL is away, sure of what it claimed."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import TypeVar
from uuid import UUID

import structlog

from batch.core.backoff import delay_seconds, with_jitter
from batch.core.budget import BudgetUse, NextCost, Spending
from batch.core.models import Claim, Worker
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.engine.front import Front
from batch.engine.waiting import pause_unless
from batch.errors import DatabaseUnavailableError, ServerChangedError, VodBatchError
from batch.ledger.failover import CatchUp
from batch.ledger.store import Outlook, Place, Slots, Store

_LONGEST_WAIT_SECONDS = 5.0

log = structlog.get_logger()
_T = TypeVar("_T")


async def let_begin() -> None:
    """Let everything begin."""


async def _no_key() -> None:
    """Name no key: nothing that is begun so is ever sent once more."""


class LedgerLink:
    """Statements of one worker, each tried again with backoff while the database is away.

    ``patience`` is in seconds; after it the database's error is raised. Where another server serves
    than before, nothing runs there until ``catch_up`` has told it what it may have forgotten.
    ``plan`` holds the rows that alone are sent, if it is not all. ``key_id`` names the key that
    signs what is begun now. ``may_begin`` is asked before each begin, and raises when it may not.
    """

    def __init__(
        self,
        store: Store,
        worker: Worker,
        spending: Spending,
        catch_up: CatchUp,
        *,
        patience: float,
        dice: random.Random,
        plan: UUID | None = None,
        key_id: Callable[[], Awaitable[str | None]] = _no_key,
        may_begin: Callable[[], Awaitable[None]] = let_begin,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._worker = worker
        self._spending = spending
        self._plan = plan
        self._patience = patience
        self._dice = dice
        self._key_id = key_id
        self._may_begin = may_begin
        self._clock = clock
        self._give_up_at: float | None = None
        self._hurried = asyncio.Event()
        self._catch_up = catch_up
        self._server_is_new = False
        self._catching_up = asyncio.Lock()
        self._open: dict[str, Claim] = {}
        self._moved: dict[tuple[int, int], tuple[int, int]] = {}
        self._unheard: list[list[str]] = []
        self._front = Front(clock)
        self.failovers = 0
        """How often another server was taken up."""
        self.restored = 0
        """Submissions that a new server had forgotten, or not heard of."""

    def hurry(self, seconds: float) -> None:
        """From now on wait for the database no longer than ``seconds`` in all."""
        last = self._clock() + seconds
        self._give_up_at = last if self._give_up_at is None else min(last, self._give_up_at)
        self._store.hurry(seconds)
        self._hurried.set()
        self._hurried = asyncio.Event()

    async def begin(
        self, most_requests: int, most_rows: int, first_id: int | None = None
    ) -> list[Claim]:
        """Claim due media, their intent committed (:meth:`Store.begin`); each is to be closed.

        A begin whose answer was lost may have claimed rows that nobody will send; they are given
        back before the next one.
        """
        if first_id is not None or self._plan is not None:
            return await self._begin(most_requests, most_rows, first_id, None)
        place, started = self._front.place(), self._clock()
        claims = await self._begin(most_requests, most_rows, None, place)
        self._front.found(claims, min(most_requests, most_rows), started)
        if not claims and place is not None:
            claims = await self._begin(most_requests, most_rows, None, None)
        return claims

    async def _begin(
        self, most_requests: int, most_rows: int, first_id: int | None, place: Place | None
    ) -> list[Claim]:
        async def once() -> list[Claim]:
            await self._may_begin()
            await self._give_back_unheard()
            signed_at = datetime.now(UTC).replace(microsecond=0)
            # Anew for each try: a nonce names one request, and the last try may have begun some.
            nonces = [token_hex(16) for _ in range(most_requests)]
            key_id = await self._key_id()
            try:
                return await self._store.begin(
                    self._worker.id,
                    nonces,
                    signed_at,
                    most_rows=most_rows,
                    spending=self._spending,
                    first_id=first_id,
                    plan=self._plan,
                    access_key_id=key_id,
                    place=place,
                )
            except ServerChangedError:
                raise  # and nothing has run
            except DatabaseUnavailableError:
                self._unheard.append(nonces)
                raise

        claims = await self.patiently(once)
        self._open |= {claim.nonce: claim for claim in claims}
        return claims

    async def due_span(self) -> tuple[int, int] | None:
        """Return where what is to be sent begins and ends (:meth:`Store.due_span`)."""
        return await self.patiently(self._store.due_span)

    async def passed_since_refused(self, claim: Claim, code: str, most: int) -> dict[int, int]:
        """Say what passed since members were refused (:meth:`Store.passed_since_refused`)."""
        rows = [member.id for member in claim.members]
        return await self.patiently(lambda: self._store.passed_since_refused(rows, code, most))

    def close(self, claim: Claim) -> None:
        """Say that what came of a claim is in both records."""
        self._open.pop(claim.nonce, None)
        for member in claim.members:
            self._moved.pop((member.id, member.lease), None)

    @property
    def has_recorded_all(self) -> bool:
        """Whether nothing is open: what came of each claim is in both records."""
        return not self._open

    @property
    def has_budget(self) -> bool:
        """Whether what may be spent is limited."""
        return self._spending.budgets.are_set

    async def open_periods(self) -> None:
        """Make what budgets are held against (:meth:`Store.open_periods`)."""
        if self.has_budget:
            await self.patiently(lambda: self._store.open_periods(self._spending))

    async def budget_uses(self) -> list[BudgetUse]:
        """Say how far each budget is used (:meth:`Store.budget_uses`)."""
        if not self.has_budget:
            return []
        return await self.patiently(lambda: self._store.budget_uses(self._spending))

    async def glance_at_budgets(self) -> list[BudgetUse]:
        """Say how far each budget is used, or nothing while the database is away."""
        try:
            return await self._store.budget_uses(self._spending) if self.has_budget else []
        except DatabaseUnavailableError:
            return []

    async def next_cost(self) -> NextCost | None:
        """Say what the next due submission may cost (:meth:`Store.next_cost`)."""
        return await self.patiently(lambda: self._store.next_cost(self._spending, self._plan))

    async def reserve(self, slots: int, interval: float, ahead: float) -> Slots:
        """Take slots of the shared pace (:meth:`Store.reserve`)."""
        return await self.patiently(lambda: self._store.reserve(slots, interval, ahead))

    async def outlook(self) -> Outlook:
        """Say what may still come (:meth:`Store.outlook`)."""
        return await self.patiently(lambda: self._store.outlook(self._plan))

    async def record(self, verdicts: Sequence[Verdict], actor: str) -> list[int]:
        """Commit verdicts (:meth:`Store.record`); repeating it is harmless."""
        return await self.patiently(
            lambda: self._store.record([self._as_it_is_now(v) for v in verdicts], actor)
        )

    def _as_it_is_now(self, verdict: Verdict) -> Verdict:
        """A server that forgot a request has made it again, perhaps under another lease."""
        moved = self._moved.get((verdict.submission_id, verdict.lease))
        return replace(verdict, submission_id=moved[0], lease=moved[1]) if moved else verdict

    async def pause(self, seconds: float) -> None:
        """Pause the target (:meth:`Store.pause`); this worker pauses even if that fails."""
        try:
            await self._store.pause(seconds)
        except DatabaseUnavailableError as error:
            log.warning("pause_not_shared", error=str(error))

    async def expire(self, silence_seconds: float, actor: str) -> list[int]:
        """Move what nobody sends to in doubt: dead workers' rows (:meth:`Store.expire`), and ours
        that we do not know. What we surely never sent is given back first.
        """

        async def once() -> list[int]:
            await self._give_back_unheard()
            idle = None if self._open else self._worker.id
            return await self._store.expire(silence_seconds, actor, idle)

        return await self.patiently(once)

    async def adopt_strays(self, actor: str) -> list[int]:
        """Give what is pending the JobId that came for it late (:meth:`Store.adopt_strays`)."""
        return await self.patiently(lambda: self._store.adopt_strays(actor))

    async def beat(self) -> None:
        """Say that the worker is alive; a missed beat is not the worker's end."""

        async def once() -> None:
            await self._store.beat(self._worker)
            await self._catch_up.remember()

        try:
            await self._on_a_known_server(once)
        except VodBatchError as error:
            log.warning("heartbeat_missed", error=str(error))

    async def leftovers(self) -> tuple[int, int]:
        """Return how many submissions of the target are pending, and how many in doubt."""
        counts = await self.patiently(self._store.count_states)
        return counts[State.PENDING], counts[State.IN_DOUBT]

    async def _give_back_unheard(self) -> None:
        """Give back what begins claimed whose answer was lost.

        The server may finish a begin long after its connection was cut, so its nonces are looked
        for until they are found.
        """
        if not self._unheard:
            return
        asked = [nonce for nonces in self._unheard for nonce in nonces]
        found = set(await self._store.give_back(self._worker.id, asked))
        self._unheard = [nonces for nonces in self._unheard if found.isdisjoint(nonces)]
        if found:
            log.warning("given_back", requests=len(found), reason="begin unconfirmed")

    async def patiently(self, statement: Callable[[], Awaitable[_T]]) -> _T:
        """Run ``statement``, again with backoff while the database is away.

        For what is not a worker's own too: an instant's absence does not spoil the end of a run.
        """
        since = self._clock()
        attempt = 0
        while True:
            try:
                result = await self._on_a_known_server(statement)
            except DatabaseUnavailableError as error:
                attempt += 1
                self._check_patience(since, error)
                log.warning("database_away", attempt=attempt, error=str(error))
                delay = delay_seconds(attempt, base=0.1, cap=_LONGEST_WAIT_SECONDS)
                await self._pause(with_jitter(delay, self._dice))
            else:
                return result

    async def _pause(self, seconds: float) -> None:
        """Sleep, not beyond the moment at which we give up; who hurries us ends it."""
        if self._give_up_at is not None:
            seconds = max(0.0, min(seconds, self._give_up_at - self._clock()))
        await pause_unless(self._hurried, seconds)

    async def _on_a_known_server(self, statement: Callable[[], Awaitable[_T]]) -> _T:
        """Run ``statement`` once; on another server than before, after that one has caught up."""
        while True:
            await self._take_up_a_new_server()
            try:
                return await statement()
            except ServerChangedError:
                self._server_is_new = True

    async def _take_up_a_new_server(self) -> None:
        """Bring a new server up to the journals; whoever has a statement waits until it is."""
        if not self._server_is_new:
            return
        async with self._catching_up:
            if not self._server_is_new:
                return
            claims = list(self._open.values())
            found = await self._catch_up(claims)
            self._moved |= {
                (member.id, member.lease): found.leases[claim.nonce, member.job_type]
                for claim in claims
                for member in claim.members
                if (claim.nonce, member.job_type) in found.leases
            }
            self.failovers += 1
            self.restored += found.restored
            self._server_is_new = False

    def _check_patience(self, since: float, error: DatabaseUnavailableError) -> None:
        give_up_at = since + self._patience
        if self._give_up_at is not None:
            give_up_at = min(give_up_at, self._give_up_at)
        if self._clock() >= give_up_at:
            raise error
