"""The ledger against a model of the cloud: any order of claims, answers, crashes and restores."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from batch.core.doubt import Absent, Adopt, Candidate, Doubt, Lookup, decide
from batch.core.models import Claim, JobType
from batch.core.states import TERMINAL, State
from batch.core.verdict import Verdict
from batch.ledger.doubts import Doubts, OpenDoubt, Poll, Settlement
from batch.ledger.journal import Journal
from batch.ledger.recovery import replay_journals
from tests.support.ledger import DNA, TAG, UNPRICED, Ledger, media, open_ledger

_TABLES = """
SELECT tablename FROM pg_tables
 WHERE schemaname = 'public' AND tablename <> ALL ('{schema_migrations,transitions}')
   AND tablename NOT LIKE 'backup_%'
"""
MEDIA = 3
WORKERS = 2
_T = TypeVar("_T")


@dataclass
class Request:
    """One claim in a worker's hands, and what the cloud made of it."""

    claim: Claim
    sent: bool = False
    expired: bool = False
    """The gateway takes it no more: its date is too old."""
    jobs: dict[JobType, str] = field(default_factory=dict)


@dataclass
class Worker:
    """One process: its journal and the requests in its hands."""

    id: UUID
    journal: Journal
    holds: list[Request] = field(default_factory=list)
    late: list[Request] = field(default_factory=list)
    """Given up on as in doubt; their answers may still come."""


@dataclass(frozen=True)
class Job:
    """What was really made, and paid for."""

    id: str
    submission: int
    nonce: str
    media_id: str
    type: JobType


@dataclass
class Cloud:
    """Every job, oldest first."""

    jobs: list[Job] = field(default_factory=list)

    def make(self, request: Request) -> None:
        """Run a request that arrived."""
        claim = request.claim
        for member in claim.members:
            job = Job(
                f"job-{len(self.jobs)}", member.id, claim.nonce, claim.media_id, member.job_type
            )
            request.jobs[member.job_type] = job.id
            self.jobs.append(job)

    def of(self, media_id: str, job_type: JobType) -> list[Job]:
        """Return the jobs of a media and type."""
        return [job for job in self.jobs if (job.media_id, job.type) == (media_id, job_type)]


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what workers, reconcile, crashes and backups do; the cloud is the judge."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="journal"))
        self.cloud = Cloud()
        self.workers: list[Worker] = []
        self.settled: dict[int, tuple[str, str | None]] = {}
        self.has_backup = False
        self.tables: list[str] = []
        self.ledger: Ledger

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run ``work`` to its end."""
        return self.runner.run(work)

    @initialize()
    def begin_anew(self) -> None:
        """Empty the database, load a list, start the workers."""
        self._context = open_ledger(self.url)
        self.ledger = self.do(_enter(self._context))
        self.do(self._load())
        self.do(self._start_workers())

    async def _load(self) -> None:
        sql = self.ledger.sql
        self.tables = [row["tablename"] for row in await sql.fetch(_TABLES)]
        for table in self.tables:
            await sql.execute(f"DROP TABLE IF EXISTS backup_{table}")
        await sql.execute(f"TRUNCATE {', '.join({*self.tables} - {'targets'})}")
        await self.ledger.add(range(MEDIA), DNA, TAG)
        await self.ledger.add(range(MEDIA), DNA, campaign="again")

    async def _start_workers(self) -> None:
        for _ in range(WORKERS):
            worker = await self.ledger.worker()
            journal = Journal(self.folder, worker, self.ledger.store.target)
            self.workers.append(Worker(worker, journal))

    @rule(number=st.integers(0, WORKERS - 1), requests=st.integers(1, 2), rows=st.integers(1, 4))
    def begin(self, number: int, requests: int, rows: int) -> None:
        """Claim, and write the intent into the journal, as a worker does before it sends."""
        worker = self.workers[number]
        claims = self.do(self.ledger.begin(requests, worker=worker.id, rows=rows))
        for claim in claims:
            worker.journal.append([worker.journal.intent_line(claim)])
            worker.holds.append(Request(claim))

    def _unsent(self) -> list[Request]:
        return [r for worker in self.workers for r in worker.holds if not r.sent]

    @precondition(lambda self: self._unsent())
    @rule(data=st.data(), arrives=st.booleans())
    def send(self, data: st.DataObject, arrives: bool) -> None:
        """Put a request on the wire; the cloud runs it, or it is lost or refused."""
        request = data.draw(st.sampled_from(self._unsent()), "request")
        request.sent = True
        if arrives and not request.expired:
            self.cloud.make(request)

    def _held(self) -> list[tuple[Worker, Request]]:
        return [(worker, request) for worker in self.workers for request in worker.holds]

    @precondition(lambda self: self._held())
    @rule(
        data=st.data(),
        failure=st.sampled_from(["in_doubt", "throttled", "refused"]),
        recorded=st.booleans(),
    )
    def answer(self, data: st.DataObject, failure: str, recorded: bool) -> None:
        """Journal what came of a request and record it, or die between the two."""
        worker, request = data.draw(st.sampled_from(self._held()), "request")
        if request.jobs:
            verdicts = _verdicts(request, "accepted" if failure != "in_doubt" else failure)
        elif request.sent:
            verdicts = _verdicts(request, failure)
        else:
            verdicts = _verdicts(request, "not_sent")
        worker.journal.append([worker.journal.answer_line(request.claim, verdicts)])
        worker.holds.remove(request)
        if not recorded:
            self.do(self._crash(worker))
            return
        self.do(self.ledger.store.record(verdicts, f"submit {worker.id}"))
        if failure == "in_doubt" and request.jobs:
            worker.late.append(request)

    def _late(self) -> list[Request]:
        return [request for worker in self.workers for request in worker.late]

    @precondition(lambda self: self._late())
    @rule(data=st.data())
    def late_answer(self, data: st.DataObject) -> None:
        """The JobId comes after all, under the lease of then."""
        request = data.draw(st.sampled_from(self._late()), "request")
        self.do(self.ledger.store.record(_verdicts(request, "accepted"), "late"))

    @rule()
    def expire(self) -> None:
        """Take silent workers for dead, as every start does; living ones may be meant too."""
        self.do(self._expire())

    async def _expire(self) -> None:
        await self.ledger.sql.execute("UPDATE workers SET heartbeat_at = now() - interval '1 hour'")
        await self.ledger.store.expire(15, "expire")
        await self.ledger.sql.execute("UPDATE workers SET heartbeat_at = now()")

    @rule(number=st.integers(0, WORKERS - 1))
    def crash(self, number: int) -> None:
        """Kill a worker: what it knew in memory is gone; another one takes its place."""
        self.do(self._crash(self.workers[number]))

    async def _crash(self, worker: Worker) -> None:
        worker.journal.close()
        fresh = await self.ledger.worker()
        journal = Journal(self.folder, fresh, self.ledger.store.target)
        self.workers[self.workers.index(worker)] = Worker(fresh, journal)
        await self.ledger.sql.execute(
            "UPDATE workers SET heartbeat_at = now() - interval '1 hour' WHERE id = $1", worker.id
        )

    @rule()
    def start(self) -> None:
        """Do what each start does first: read dead workers' journals."""
        self.do(self._replay())

    async def _replay(self) -> None:
        await replay_journals(self.ledger.database, self.ledger.store.target, self.folder, UNPRICED)

    @rule()
    def settle(self) -> None:
        """Look every doubt up, long after its request: adopt, or send again."""
        self.do(self._settle())

    async def _settle(self) -> None:
        doubts = Doubts(self.ledger.database, self.ledger.store.target)
        for doubt in await doubts.list_doubts():
            made = self.cloud.of(doubt.media_id, doubt.job_type)
            known = await doubts.known_jobs([job.id for job in made], [doubt])
            self._close_the_gate(doubt.nonce)
            decision = decide(
                Doubt(doubt.job_type, doubt.signed_at),
                [Candidate(job.id, job.type, _made_at(job, doubt), "Manual") for job in made
                 if job.id not in known],
                now=datetime.now(UTC), skew=timedelta(0), settle=timedelta(0), lookup=Lookup.SHOWS,
            )  # fmt: skip
            if isinstance(decision, Adopt | Absent):
                job_id = decision.job_id if isinstance(decision, Adopt) else None
                settled = Settlement(doubt.id, doubt.lease, job_id, "seen")
                await doubts.settle([settled], "settle", max_attempts=4)

    def _close_the_gate(self, nonce: str) -> None:
        """Absence counts only once the gateway would refuse the request for its date."""
        for request in self._unsent():
            if request.claim.nonce == nonce:
                request.expired = True

    @rule(succeeded=st.booleans())
    def poll(self, succeeded: bool) -> None:
        """Follow every job to its end."""
        self.do(self._poll(State.SUCCEEDED if succeeded else State.FAILED))

    async def _poll(self, verdict: State) -> None:
        doubts = Doubts(self.ledger.database, self.ledger.store.target)
        asked_before = datetime.now(UTC) + timedelta(hours=1)
        jobs = await doubts.list_open_jobs(10, asked_before, only_canaries=False)
        await doubts.record_polls(
            [Poll(job.id, job.job_id, verdict, "Code", "message") for job in jobs], "poll"
        )

    @rule()
    def back_up(self) -> None:
        """Keep the whole database as it is."""
        self.do(self._back_up())
        self.has_backup = True

    async def _back_up(self) -> None:
        async with self.ledger.sql.transaction():
            for table in self.tables:
                await self.ledger.sql.execute(f"DROP TABLE IF EXISTS backup_{table}")
                await self.ledger.sql.execute(f"CREATE TABLE backup_{table} AS TABLE {table}")

    @precondition(lambda self: self.has_backup)
    @rule()
    def restore(self) -> None:
        """Everybody dies, the backup comes back, the first start reads the journals."""
        for worker in list(self.workers):
            worker.journal.close()
        self.workers.clear()
        self.do(self._restore())
        self.settled.clear()
        self.do(self._replay())
        self.do(self._start_workers())

    async def _restore(self) -> None:
        sql = self.ledger.sql
        async with sql.transaction():
            await sql.execute("SET LOCAL session_replication_role = replica")  # no triggers
            await sql.execute(f"TRUNCATE {', '.join(self.tables)}")
            for table in self.tables:
                await sql.execute(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM backup_{table}"
                )
            await sql.execute("UPDATE workers SET ended_at = now()")

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """I1: at most one job for a submission, without an operator's word."""
        made = Counter(job.submission for job in self.cloud.jobs)
        assert not made or max(made.values()) == 1, made

    @invariant()
    def every_job_is_known_or_doubted(self) -> None:
        """I2: a job's id stands in the ledger, or its submission is open to evidence."""
        self.do(self._check_jobs())

    async def _check_jobs(self) -> None:
        doubts = Doubts(self.ledger.database, self.ledger.store.target)
        known = await doubts.known_jobs([job.id for job in self.cloud.jobs], [])
        rows = {row["id"]: row for row in await self.ledger.rows()}
        for job in self.cloud.jobs:
            row = rows[job.submission]
            is_open = row["state"] in (State.SUBMITTING, State.IN_DOUBT) or row["is_waiting"]
            assert job.id in known or is_open, (job, row["state"])

    @invariant()
    def what_has_ended_stays(self) -> None:
        """I3: a terminal row never changes by itself."""
        rows = {row["id"]: row for row in self.do(self.ledger.rows())}
        for submission, stood in self.settled.items():
            assert (rows[submission]["state"], rows[submission]["job_id"]) == stood
        self.settled |= {
            row["id"]: (row["state"], row["job_id"])
            for row in rows.values()
            if row["state"] in TERMINAL
        }

    @invariant()
    def every_line_has_its_row(self) -> None:
        """I5: rows of the list are the sum over the states."""
        counts = self.do(self.ledger.store.count_states())
        assert sum(counts.values()) == 3 * MEDIA
        asked = {(media(number), kind) for number in range(MEDIA) for kind in (DNA, TAG)}
        rows = self.do(self.ledger.rows())
        assert {(row["media_id"], row["job_type"]) for row in rows} == asked

    @invariant()
    def one_at_a_time_is_in_flight(self) -> None:
        """Two of one media and type are never on the wire or in doubt together; a job is one's."""
        rows = self.do(self.ledger.rows())
        flying = Counter(
            (row["media_id"], row["job_type"])
            for row in rows
            if row["state"] in (State.SUBMITTING, State.IN_DOUBT)
        )
        held = Counter(row["job_id"] for row in rows if row["job_id"])
        assert set((flying | held).values()) <= {1}

    @invariant()
    def the_history_tells_the_present(self) -> None:
        """I6: replaying the moves gives every state and lease."""
        self.do(self.ledger.check())

    def teardown(self) -> None:
        """Close what is open."""
        for worker in self.workers:
            worker.journal.close()
        if hasattr(self, "ledger"):
            self.do(_leave(self._context))
        self.runner.close()
        shutil.rmtree(self.folder)


def _made_at(job: Job, doubt: OpenDoubt) -> datetime:
    """Return the time that a cloud would tell: what another request made was made far from it."""
    return doubt.signed_at + timedelta(days=0 if job.nonce == doubt.nonce else 1)


def _verdicts(request: Request, outcome: str) -> list[Verdict]:
    to_state = {
        "accepted": State.SUBMITTED,
        "in_doubt": State.IN_DOUBT,
        "refused": State.REJECTED,
        "throttled": State.PENDING,
        "not_sent": State.PENDING,
    }[outcome]
    return [
        Verdict(
            member.id, member.lease, outcome, to_state, code="Code",
            job_id=request.jobs[member.job_type] if outcome == "accepted" else None,
            counts=outcome not in ("throttled", "not_sent"),
        )
        for member in request.claim.members
    ]  # fmt: skip


async def _enter(context: Any) -> Ledger:
    ledger: Ledger = await context.__aenter__()
    return ledger


async def _leave(context: Any) -> None:
    await context.__aexit__(None, None, None)


@pytest.mark.long
def test_the_promise_holds_in_any_order(database_url: str) -> None:
    """Rules in any order, the invariants after each: the promise, written as a machine."""

    class Machine(LedgerMachine):
        url = database_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
