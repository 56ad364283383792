"""What a worker has claimed: begun, sure of it, and known again on a server that forgot it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from uuid import UUID

import structlog

from batch.core.budget import Spending
from batch.core.models import Claim, Worker
from batch.core.verdict import Verdict
from batch.errors import DatabaseUnavailableError, ServerChangedError, VodBatchError
from batch.ledger.database import Database
from batch.ledger.failover import CatchUp
from batch.ledger.store import QueuePlace, Store
from batch.submit.front import Front

log = structlog.get_logger()


async def let_begin() -> None:
    """Let everything begin."""


async def no_key() -> None:
    """Name no key: nothing that is begun so is ever sent once more."""


@dataclass(frozen=True, slots=True)
class BeginRules:
    """What a begin keeps to. ``plan`` holds the rows that alone are sent, if it is not all.

    ``key_id`` names the key that signs what is begun now. ``may_begin`` is asked before each begin,
    and raises when it may not.
    """

    spending: Spending
    plan: UUID | None = None
    key_id: Callable[[], Awaitable[str | None]] = no_key
    may_begin: Callable[[], Awaitable[None]] = let_begin


class Claims:
    """The claims of one worker, from their begin until what came of them is in both records.

    Where another server serves than before, they are read into it first (``catch_up``).
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        worker: Worker,
        rules: BeginRules,
        catch_up: CatchUp,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.store = store
        self.rules = rules
        self._worker = worker
        self._catch_up = catch_up
        self._clock = clock
        self._open: dict[str, Claim] = {}
        self._moved: dict[tuple[int, int], tuple[int, int]] = {}
        self._unheard: list[list[str]] = []
        self._front = Front(clock)
        self.failovers = 0
        """How often another server was taken up."""
        self.restored = 0
        """Submissions that a new server had forgotten or never got."""
        database.server.when_new(self._take_up_server)

    @property
    def are_settled(self) -> bool:
        """Whether nothing is open: what came of each claim is in both records."""
        return not self._open

    async def begin(
        self, most_requests: int, most_rows: int, first_id: int | None = None
    ) -> list[Claim]:
        """Claim due media, their intent committed (:meth:`Store.begin`); each is to be closed.

        A begin whose answer was lost may have claimed rows that nobody will send; they are given
        back before the next one.
        """
        if first_id is not None or self.rules.plan is not None:
            return await self._begin(most_requests, most_rows, first_id, None)
        place, started = self._front.place(), self._clock()
        claims = await self._begin(most_requests, most_rows, None, place)
        self._front.found(claims, min(most_requests, most_rows), started)
        if not claims and place is not None:
            claims = await self._begin(most_requests, most_rows, None, None)
        return claims

    async def _begin(
        self, most_requests: int, most_rows: int, first_id: int | None, place: QueuePlace | None
    ) -> list[Claim]:
        rules = self.rules

        async def once() -> list[Claim]:
            await rules.may_begin()
            await self._give_back_unheard()
            signed_at = datetime.now(UTC).replace(microsecond=0)
            # Anew for each try: a nonce names one request, and the last try may have begun some.
            nonces = [token_hex(16) for _ in range(most_requests)]
            key_id = await rules.key_id()
            try:
                return await self.store.begin(
                    self._worker.id,
                    nonces,
                    signed_at,
                    most_rows=most_rows,
                    spending=rules.spending,
                    first_id=first_id,
                    plan=rules.plan,
                    access_key_id=key_id,
                    place=place,
                )
            except ServerChangedError:
                raise  # and nothing has run
            except DatabaseUnavailableError:
                self._unheard.append(nonces)
                raise

        claims = await self.database.patiently(once)
        self._open |= {claim.nonce: claim for claim in claims}
        return claims

    async def _give_back_unheard(self) -> None:
        """Give back what begins claimed whose answer was lost.

        The server may finish a begin long after its connection was cut, so its nonces are looked
        for until they are found.
        """
        if not self._unheard:
            return
        asked = [nonce for nonces in self._unheard for nonce in nonces]
        found = set(await self.store.give_back(self._worker.id, asked))
        self._unheard = [nonces for nonces in self._unheard if found.isdisjoint(nonces)]
        if found:
            log.warning("given_back", requests=len(found), reason="begin unconfirmed")

    def close(self, claim: Claim) -> None:
        """Say that what came of a claim is in both records."""
        self._open.pop(claim.nonce, None)
        for member in claim.members:
            self._moved.pop((member.id, member.lease), None)

    async def record(self, verdicts: Sequence[Verdict], actor: str) -> list[int]:
        """Commit verdicts (:meth:`Store.record`), each by the state of its submission then."""

        async def once() -> list[int]:
            return await self.store.record([self._as_it_is_now(v) for v in verdicts], actor)

        return await self.database.patiently(once)

    def _as_it_is_now(self, verdict: Verdict) -> Verdict:
        """A server that forgot a request has made it again, perhaps under another lease."""
        moved = self._moved.get((verdict.submission_id, verdict.lease))
        return replace(verdict, submission_id=moved[0], lease=moved[1]) if moved else verdict

    async def expire(self, silence_seconds: float, actor: str) -> list[int]:
        """Move what nobody sends to in doubt: dead workers' rows (:meth:`Store.expire`), and ours
        that we do not know. What we surely never sent is given back first.
        """
        await self._give_back_unheard()
        idle = None if self._open else self._worker.id
        return await self.store.expire(silence_seconds, actor, idle)

    async def beat(self) -> None:
        """Say that the worker is alive; a missed beat is not the worker's end."""
        try:
            await self.store.beat(self._worker)
            await self._catch_up.remember()
        except VodBatchError as error:
            log.warning("heartbeat_missed", error=str(error))

    async def _take_up_server(self) -> None:
        """Read the journals into a new server, and learn where it keeps what is on the wire."""
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
