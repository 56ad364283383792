"""Reconcile: make our rows match the cloud. Settle doubts, follow known jobs to their end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
from aiolimiter import AsyncLimiter

from batch.core.outcome import AccountStopped
from batch.core.refusal import account_error
from batch.core.states import State
from batch.errors import ExitCode
from batch.ledger.doubts import Doubts, OpenJob, Poll
from batch.ledger.owners import JOB_UNKNOWN
from batch.logs import EachMinute
from batch.reconcile.settling import Settler
from batch.vod.client import VodClient
from batch.vod.wire import MAX_JOB_IDS, CloudStatus, JobPage, JobStatus, QueryFailed
from batch.waiting import sleep_unless

_PAGE = 20 * MAX_JOB_IDS
_FIRST_ROUND_SECONDS = 1.0
_LONGEST_ROUND_SECONDS = 60.0
_FAILED_CALLS_IN_A_ROW = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReconcileSummary:
    """The result of a reconcile, in submissions; ``failed_calls`` in calls.

    ``unknown_jobs`` are JobIds that the cloud says it does not know; ``odd_statuses`` are words of
    ListAIJob that no document knows, with the number of open jobs it says them of.
    ``needs_operator`` are doubts that no look-up can settle. ``was_told_to_stop`` by a signal,
    which holds for what would follow; ``gave_up`` on a cloud that gave no answer.
    """

    settled: dict[str, int]
    ended: dict[str, int]
    unknown_jobs: int
    failed_calls: int
    last_trouble: str
    open_jobs: int
    in_doubt: int
    needs_operator: int
    extra_charges: int = 0
    was_told_to_stop: bool = False
    gave_up: bool = False
    odd_statuses: dict[str, int] = field(default_factory=dict)

    @property
    def exit_codes(self) -> tuple[ExitCode, ...]:
        """Every exit code that applies."""
        codes = []
        if self.gave_up:
            codes.append(ExitCode.UNAVAILABLE)
        if self.in_doubt or self.extra_charges:
            codes.append(ExitCode.DONE_WITH_DOUBTS)
        if self.ended.get(State.FAILED) or self.settled.get("dead"):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        if self.open_jobs:
            codes.append(ExitCode.CARRIED_OVER)
        return tuple(codes)


class Reconciler:
    """Settles doubts and polls open jobs of one target, round by round."""

    def __init__(
        self,
        doubts: Doubts,
        settler: Settler,
        client: VodClient,
        poll_pace: AsyncLimiter,
        actor: str,
        canary_watch: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """With ``canary_watch`` only canaries are polled, until it says that they are judged."""
        self._doubts = doubts
        self._settler = settler
        self._client = client
        self._poll_pace = poll_pace
        self._actor = actor
        self._canary_watch = canary_watch
        self._stopping = asyncio.Event()
        self._round: asyncio.Task[int] | None = None
        self._was_told_to_stop = False
        self._ended: Counter[str] = Counter()
        self._unknown: set[str] = set()
        self._odd: dict[str, str] = {}
        self._failed_calls = 0
        self._failed_in_a_row = 0
        self._gave_up = False
        self._last_trouble = ""
        self._open_jobs = 0
        self._found: Counter[str] = Counter()
        self._progress = EachMinute()

    def stop(self) -> None:
        """End after the call at hand."""
        self._stopping.set()

    def interrupt(self) -> None:
        """Do what a signal says: end after the call at hand, and say so."""
        self._was_told_to_stop = True
        self.stop()

    def force(self) -> None:
        """Do what a second signal says: end now, whatever is open."""
        self.interrupt()
        if self._round:
            self._round.cancel()

    async def run(self, *, once: bool) -> ReconcileSummary:
        """Go round until nothing is open that time could change, or ``once``.

        Raises:
            VodBatchError: the account is refused, or the ledger is away.
        """
        seconds = _FIRST_ROUND_SECONDS
        while not self._stopping.is_set():
            moved = await self._go_round()
            self._progress.tell(
                "reconcile",
                settled=self._settler.settled.total(),
                ended=self._ended.total(),
                open_jobs=self._open_jobs,
                failed_calls=self._failed_calls,
            )
            if once or await self._is_enough():
                break
            seconds = _FIRST_ROUND_SECONDS if moved else min(2 * seconds, _LONGEST_ROUND_SECONDS)
            await sleep_unless(self._stopping, seconds)
        # What a stop left unasked is open too.
        open_jobs, in_doubt = await self._doubts.count_open()
        return ReconcileSummary(
            settled=dict(self._settler.settled),
            ended=dict(self._ended),
            unknown_jobs=len(self._unknown),
            failed_calls=self._failed_calls,
            last_trouble=self._last_trouble,
            open_jobs=open_jobs,
            in_doubt=in_doubt,
            needs_operator=self._found["asks"],
            was_told_to_stop=self._was_told_to_stop,
            gave_up=self._gave_up,
            odd_statuses=dict(Counter(self._odd.values())),
        )

    async def _go_round(self) -> int:
        """Go round once, unless forced to end; return how many rows moved."""
        self._round = asyncio.ensure_future(self.tick())
        try:
            await asyncio.wait([self._round])
        finally:
            self._round.cancel()
        return 0 if self._round.cancelled() else self._round.result()

    async def tick(self) -> int:
        """One round: every doubt, then every open job once; return how many rows moved."""
        before = sum(self._settler.settled.values()) + sum(self._ended.values())
        self._found = await self._settler.tick(self._stopping)
        await self._poll_round()
        return sum(self._settler.settled.values()) + sum(self._ended.values()) - before

    async def _is_enough(self) -> bool:
        if self._canary_watch and await self._canary_watch():
            return True
        return not self._is_worth_waiting()

    def _is_worth_waiting(self) -> bool:
        """Return whether time alone may change something: not what an operator must see to."""
        still = self._open_jobs - len(self._unknown) - len(self._odd)
        return still > 0 or bool(self._found["waits"] or self._found["failed"])

    async def _poll_round(self) -> None:
        started = await self._doubts.now()
        self._open_jobs = 0
        self._unknown.clear()
        self._odd.clear()
        while not self._stopping.is_set():
            page = await self._doubts.list_open_jobs(
                _PAGE, started, only_canaries=self._canary_watch is not None
            )
            if not page:
                return
            polls: list[Poll] = []
            for start in range(0, len(page), MAX_JOB_IDS):
                polls += await self._poll(page[start : start + MAX_JOB_IDS])
            states = await self._doubts.record_polls(polls, self._actor)
            self._ended.update(state for state in states.values() if state is not State.SUBMITTED)
            self._open_jobs += sum(state is State.SUBMITTED for state in states.values())

    async def _poll(self, jobs: Sequence[OpenJob]) -> list[Poll]:
        """Ask about at most ten jobs; without an answer they stay as they are."""
        await self._poll_pace.acquire()
        try:
            answer = await self._client.list_ai_jobs([job.job_id for job in jobs])
        except QueryFailed as error:
            self._count_failure(error)
            return [Poll(job.id, job.job_id, None, "PollFailed", str(error)) for job in jobs]
        self._failed_in_a_row = 0
        self._unknown |= set(answer.unknown_ids)
        said = {status.job_id: status for status in answer.jobs}
        return [self._read(job, said.get(job.job_id), answer) for job in jobs]

    def _read(self, job: OpenJob, status: JobStatus | None, answer: JobPage) -> Poll:
        """Say what the answer means for a job: only a documented word ends it."""
        if status is None:
            code = JOB_UNKNOWN if job.job_id in answer.unknown_ids else None
            message = "ListAIJob does not know this JobId" if code else None
            return Poll(job.id, job.job_id, None, code, message)
        if status.status is CloudStatus.UNKNOWN:
            word = status.word or "(none)"
            self._odd[job.job_id] = word
            message = f"ListAIJob says {word!r}, which no document knows: the job stays open"
            return Poll(job.id, job.job_id, None, "StatusUnknown", message)
        verdict = _VERDICTS.get(status.status)
        failed = verdict is State.FAILED
        return Poll(
            job.id,
            job.job_id,
            verdict,
            (status.code or "JobFailed") if failed else None,
            status.message if failed else None,
            status.completed_at,
        )

    def _count_failure(self, error: QueryFailed) -> None:
        self._failed_calls += 1
        self._failed_in_a_row += 1
        self._last_trouble = str(error)
        if isinstance(error.outcome, AccountStopped):
            raise account_error(error.outcome)
        if self._failed_in_a_row >= _FAILED_CALLS_IN_A_ROW:
            self._gave_up = True
            self.stop()


_VERDICTS = {CloudStatus.SUCCESS: State.SUCCEEDED, CloudStatus.FAIL: State.FAILED}
