"""The ledger as a test sees it: rows put where they are wanted, and looked at."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from batch.core.budget import Spending
from batch.core.configuration import config_key
from batch.core.models import Claim, JobType, Worker
from batch.core.pricing import PriceList
from batch.core.states import TERMINAL, TRANSITIONS, State
from batch.ledger.database import Database
from batch.ledger.store import Store
from batch.ledger.targets import open_target
from batch.settings import Settings

DNA = JobType.MEDIA_DNA
TAG = JobType.VIDEO_TAG
UNPRICED = Spending(UUID(int=0), PriceList("CNY", {}), None, "UTC")
"""What a begin is held against where nothing is priced."""
UNPRICED_ARGUMENTS = (*UNPRICED.price_arguments, *UNPRICED.budget_arguments, *[None] * 5)
"""The arguments of ``begin.sql`` after those that say what to claim: no price,
budget, first id, plan, key or place."""
WITH_JOB = frozenset({State.SUBMITTED, State.SUCCEEDED, State.FAILED})
PATHS: dict[State, tuple[State, ...]] = {
    State.PENDING: (State.SUBMITTING, State.PENDING),
    State.SUBMITTING: (State.SUBMITTING,),
    State.SUBMITTED: (State.SUBMITTING, State.SUBMITTED),
    State.IN_DOUBT: (State.SUBMITTING, State.IN_DOUBT),
    State.SUCCEEDED: (State.SUBMITTING, State.SUBMITTED, State.SUCCEEDED),
    State.FAILED: (State.SUBMITTING, State.SUBMITTED, State.FAILED),
    State.REJECTED: (State.SUBMITTING, State.REJECTED),
    State.DEAD: (State.SUBMITTING, State.DEAD),
    State.CANCELLED: (State.SUBMITTING, State.PENDING, State.CANCELLED),
}
"""How a row that has been begun once gets into each state."""

_MOVE = """
UPDATE submissions
   SET state = $2, actor = 'test', reason = 'put there',
       lease = lease + CASE WHEN $2 = 'submitting' THEN 1 ELSE 0 END,
       attempts = attempts + CASE WHEN $2 = 'submitting' THEN 1 ELSE 0 END,
       worker_id = CASE WHEN $2 = 'submitting' THEN $3 ELSE worker_id END,
       job_id = CASE WHEN $4 THEN 'job-' || id END,
       submitted_at = CASE WHEN $4 THEN now() END,
       finished_at = CASE WHEN $5 THEN now() END,
       error_code = CASE WHEN $2 IN ('rejected', 'dead') THEN 'Some.Code' END,
       refusal_is_certain = CASE WHEN $2 IN ('rejected', 'dead') THEN true END
 WHERE id = $1 RETURNING lease
"""


_WRONG_PERIODS = """
SELECT coalesce(r.period, s.period) AS period, r.amount AS by_rows, s.amount AS by_period
  FROM (SELECT target_id, currency, p.period, sum(amount) AS amount
          FROM submissions,
               LATERAL (VALUES ('run ' || run_id), ('day ' || to_char(spent_on, 'YYYY-MM-DD')),
                               ('month ' || to_char(spent_on, 'YYYY-MM'))) AS p(period)
         WHERE amount IS NOT NULL
           AND state IN ('submitting', 'in_doubt', 'submitted', 'succeeded')
         GROUP BY 1, 2, 3) r
  FULL JOIN spending s USING (target_id, currency, period)
 WHERE coalesce(r.amount, 0) <> coalesce(s.amount, 0)
"""

_WRONG_TALLIES = """
WITH kept AS (
    SELECT target_id, batch_id, job_type, state, has_begun, hold_id, run_id, currency, price,
           sum(n) AS n, sum(seconds) AS seconds, sum(lengthless) AS lengthless,
           sum(amount) AS amount, sum(unbounded) AS unbounded
      FROM current_tallies GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
counted AS (
    SELECT target_id, batch_id, job_type, state, lease > 0 AS has_begun, hold_id, run_id, currency,
           price, count(*) AS n, coalesce(sum(seconds), 0) AS seconds,
           count(*) FILTER (WHERE seconds IS NULL) AS lengthless,
           coalesce(sum(amount), 0) AS amount, count(*) FILTER (WHERE amount IS NULL) AS unbounded
      FROM submissions GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
)
SELECT 'kept' AS side, * FROM (
    SELECT * FROM kept
     WHERE (n, seconds, lengthless, amount, unbounded) <> (0, 0, 0, 0, 0)
    EXCEPT SELECT * FROM counted) k
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT SELECT * FROM kept) c
"""


def media(number: int) -> str:
    """Return the id of a media, the same for the same number."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def write_csv(path: Path, ids: Iterable[str], types: str | None = None) -> Path:
    """Write a manifest of ``ids``, each with ``types``."""
    head, tail = ("media_id,types\n", f',"{types}"') if types else ("media_id\n", "")
    path.write_text(head + "".join(f"{one}{tail}\n" for one in ids), encoding="utf-8")
    return path


def utc_now() -> datetime:
    """Return now as ``x-acs-date`` carries it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Ledger:
    """One migrated database, open in this test's event loop."""

    url: str
    settings: Settings
    database: Database
    store: Store
    sql: asyncpg.Connection
    """A connection of the test's own."""

    async def worker(self, *, silent_for: float = 0.0, ended: bool = False) -> UUID:
        """Make a worker that was last heard of ``silent_for`` seconds ago."""
        worker = uuid4()
        await self.store.beat(Worker(worker, "testhost", 1))
        await self.sql.execute(
            "UPDATE workers SET heartbeat_at = now() - make_interval(secs => $2::float8), "
            "ended_at = CASE WHEN $3 THEN now() END WHERE id = $1",
            worker, silent_for, ended,
        )  # fmt: skip
        return worker

    async def add(
        self,
        numbers: Iterable[int],
        *types: JobType,
        priority: int = 0,
        config: str | None = None,
        campaign: str = "default",
    ) -> list[int]:
        """Add pending submissions of these media as one batch; return their ids in order."""
        asked = [(media(n), t) for n in numbers for t in (types or (DNA,))]
        batch = await self.sql.fetchval(
            "INSERT INTO batches (target_id, campaign, source, sha256, options, lines, rows, "
            "quarantined, submissions, duplicates_in_file, duplicates_across_files, "
            "duplicates_submitted) SELECT $1, $2, 'test', $3, '{}', $4, $4, 0, $4, 0, 0, 0 "
            "RETURNING id",
            self.store.target.id, campaign, uuid4().hex * 2, len(asked),
        )  # fmt: skip
        rows = await self.sql.fetch(
            "INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, "
            "config, campaign, priority) SELECT $1, $2, place, m, t, k, $6, $7, $8 "
            "FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS a(m, t, k, place) "
            "RETURNING id",
            self.store.target.id, batch, [m for m, _ in asked], [t.value for _, t in asked],
            [config_key(config, t) for _, t in asked], config, campaign, priority,
        )  # fmt: skip
        return [row["id"] for row in rows]

    async def move(self, submission: int, to: State, worker: UUID | None = None) -> int:
        """Move a row by hand, its columns fitting; return its lease."""
        worker = worker or await self.worker()
        lease: int = await self.sql.fetchval(
            _MOVE, submission, to.value, worker, to in WITH_JOB, to in TERMINAL
        )
        if to is State.SUBMITTING:
            await self.sql.execute(
                "INSERT INTO attempts (submission_id, lease, worker_id, nonce, signed_at) "
                "VALUES ($1, $2, $3, $4, now())",
                submission, lease, worker, uuid4().hex,
            )  # fmt: skip
        return lease

    async def put(self, number: int, state: State, worker: UUID | None = None) -> int:
        """Add the submission of a media that has been begun once and now stands in ``state``."""
        (submission,) = await self.add([number])
        worker = worker or await self.worker()
        for step in PATHS[state]:
            await self.move(submission, step, worker)
        return submission

    async def begin(
        self,
        requests: int = 10,
        *,
        worker: UUID | None = None,
        rows: int = 1000,
        spending: Spending = UNPRICED,
        **how: Any,
    ) -> list[Claim]:
        """Begin as a worker does."""
        worker = worker or await self.worker()
        nonces = [uuid4().hex for _ in range(requests)]
        return await self.store.begin(
            worker, nonces, utc_now(), most_rows=rows, spending=spending, **how
        )

    async def row(self, submission: int) -> asyncpg.Record:
        """Return a submission as it stands."""
        return await self.sql.fetchrow("SELECT * FROM submissions WHERE id = $1", submission)

    async def rows(self) -> list[asyncpg.Record]:
        """Return all submissions, in manifest order."""
        rows: list[asyncpg.Record] = await self.sql.fetch("SELECT * FROM submissions ORDER BY id")
        return rows

    async def state(self, submission: int) -> State:
        """Return where a submission stands."""
        return State((await self.row(submission))["state"])

    async def states(self) -> dict[State, int]:
        """Return how many submissions stand where, without the empty states."""
        return dict(Counter(State(row["state"]) for row in await self.rows()))

    async def attempts(self, submission: int) -> list[asyncpg.Record]:
        """Return a submission's attempts, the first one first."""
        rows: list[asyncpg.Record] = await self.sql.fetch(
            "SELECT * FROM attempts WHERE submission_id = $1 ORDER BY lease", submission
        )
        return rows

    async def history(self, submission: int) -> list[asyncpg.Record]:
        """Return a submission's moves, the first one first."""
        rows: list[asyncpg.Record] = await self.sql.fetch(
            "SELECT * FROM submission_history WHERE submission_id = $1 ORDER BY id", submission
        )
        return rows

    async def check(self, jobs: Sequence[dict[str, Any]] = ()) -> None:
        """Assert the invariants: every job known or in doubt (I2), history gives the state (I6).

        What no certain refusal ended counts as doubted: nothing but a look-up sends it again. And
        what periods have bound is the sum over the rows, and so are the tallies.
        """
        await self._check_history()
        await self._check_spending()
        await self.check_tallies()
        receipts = await self.sql.fetch(
            "SELECT s.media_id, s.job_type, s.state, s.job_id AS kept, "
            "s.state = 'in_doubt' OR (s.state IN ('rejected', 'dead') "
            "AND s.refusal_is_certain IS NOT TRUE) AS is_doubted, "
            "array_remove(array_agg(a.job_id), NULL) AS told, "
            "array_agg(a.extra_job_ids::text) AS more "
            "FROM submissions s LEFT JOIN attempts a ON a.submission_id = s.id GROUP BY s.id"
        )
        known = {
            (r["media_id"], r["job_type"]): (
                r["is_doubted"],
                json.dumps([r["kept"], r["told"], r["more"]]),
            )
            for r in receipts
        }
        for job in jobs:
            is_doubted, ids = known[job["media_id"], job["type"]]
            assert job["job_id"] in ids or is_doubted, (job, ids)

    async def _check_spending(self) -> None:
        wrong = await self.sql.fetch(_WRONG_PERIODS)
        assert wrong == []

    async def check_tallies(self) -> None:
        """Assert that the tallies are what counting the rows gives."""
        assert await self.sql.fetch(_WRONG_TALLIES) == []

    async def _check_history(self) -> None:
        moves = await self.sql.fetch("SELECT * FROM submission_history ORDER BY submission_id, id")
        stands: dict[int, tuple[str, int]] = {}
        for move in moves:
            state, lease = stands.get(move["submission_id"], ("pending", 0))
            assert move["from_state"] == state
            assert (State(state), State(move["to_state"])) in TRANSITIONS
            assert move["lease"] >= lease
            assert move["actor"]
            stands[move["submission_id"]] = (move["to_state"], move["lease"])
        for row in await self.rows():
            state, lease = stands.get(row["id"], ("pending", 0))
            assert state == row["state"]
            # A request that only the journal knew takes a lease without a move.
            assert lease <= row["lease"]


@asynccontextmanager
async def open_ledger(url: str) -> AsyncIterator[Ledger]:
    """Open the ledger in ``url`` with the product's own parts."""
    settings = Settings.model_validate({"database_url": url})
    database = await Database.open(settings)
    try:
        connection = await asyncpg.connect(url)
        try:
            store = Store(database, await open_target(database, settings.account, settings.region))
            yield Ledger(url, settings, database, store, connection)
        finally:
            await connection.close()
    finally:
        await database.close()
