"""Read journals into PostgreSQL: what it forgot is made again, what it never got is recorded."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from batch.core.budget import Spending
from batch.core.models import JobType, Target
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.database import Database, Fetch
from batch.ledger.journal_lines import Intent

Share = tuple[str, JobType]
"""A nonce and a type: one submission's share of one request."""
_Share = tuple[Intent, JobType]
"""The same, with all that the journal knows."""

_SILENCE_SECONDS = 60.0
"""How long one statement over a group of requests may take before the database counts as away."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this database holds of one submission's share of a request."""

    submission_id: int
    lease: int
    outcome: str | None
    job_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How journals and this database differ, in requests' shares of one submission each."""

    forgotten: tuple[_Share, ...]
    unrecorded: tuple[_Share, ...]

    @property
    def differs(self) -> bool:
        """Whether the database lacks anything that the journals know."""
        return bool(self.forgotten or self.unrecorded)


class Restorer:
    """The journals' side of the ledger, for one target."""

    def __init__(
        self, database: Database, target: Target, actor: str, spending: Spending | None = None
    ) -> None:
        """``spending`` is what forgotten requests are priced by; who only compares needs none."""
        self._database = database
        self._target = target
        self._actor = actor
        self._spending = spending
        self.forgotten = 0
        """Shares so far that had been committed and that this database did not know any more."""

    async def marks(self, journals: Iterable[UUID]) -> dict[UUID, int]:
        """Return how many bytes of each journal this database knows."""
        rows = await self._fetch("find_marks", list(journals))
        return {row["id"]: row["applied_bytes"] for row in rows}

    async def mark(self, journal: UUID, applied_bytes: int) -> None:
        """Remember that the journal is known up to here."""
        await self._fetch("mark_journal", journal, applied_bytes)

    async def compare(self, intents: Sequence[Intent]) -> Comparison:
        """Say which requests this database forgot, and which answers it never got."""
        return await self._compare(self._fetch, intents, frozenset())

    async def restore(self, intents: Sequence[Intent], sending: Set[str] = frozenset()) -> int:
        """Write into this database what journals know; repeating it is harmless.

        ``sending`` are the nonces of requests that a living worker still awaits an answer to: they
        are made again as being sent, under that worker, so that their answer counts. Another that
        has no answer is in doubt.

        Returns how many submissions were touched. What a living worker is sending now is left for
        a later time: :meth:`compare` then still returns it.
        """

        async def work(fetch: Fetch) -> Comparison:
            return await self._restore(fetch, intents, sending)

        found = await self._database.together(work, timeout=_SILENCE_SECONDS)
        self.forgotten += len(found.forgotten)
        return len(found.forgotten) + len(found.unrecorded)

    async def _restore(
        self, fetch: Fetch, intents: Sequence[Intent], sending: Set[str]
    ) -> Comparison:
        await fetch("lock_restore", self._target.id)
        comparison = await self._compare(fetch, intents, sending)
        await self._record_answers(fetch, comparison.unrecorded, sending)
        if comparison.forgotten:
            await self._make_submissions(fetch, comparison.forgotten)
        # As it was: of two requests for one media and type the first had its answer before the
        # second was begun. Where it had none, the second one waits (restore_attempts.sql).
        for turn in _one_a_media_and_type(comparison.forgotten):
            await self._make_attempts(fetch, turn)
            await self._record_answers(fetch, turn, sending)
        return comparison

    async def leases(self, nonces: Sequence[str]) -> dict[Share, tuple[int, int]]:
        """Return the submission and the lease of each share of these requests that is known."""
        known = await _known(self._fetch, nonces)
        return {share: (found.submission_id, found.lease) for share, found in known.items()}

    async def declare_dead(self, worker: UUID) -> None:
        """Say that a worker is dead: nobody need wait for its heartbeat to run out."""
        await self._fetch("declare_dead", worker, self._target.id)

    def owns(self, intent: Intent) -> bool:
        """Return whether ``intent`` is of this target."""
        return (intent.account, intent.region) == (self._target.account, self._target.region)

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._database.fetch(name, *arguments, timeout=_SILENCE_SECONDS)

    async def _compare(
        self, fetch: Fetch, intents: Sequence[Intent], sending: Set[str]
    ) -> Comparison:
        known = await _known(fetch, [intent.nonce for intent in intents])
        forgotten, unrecorded = [], []
        for intent in filter(self.owns, intents):
            for job_type in intent.types:
                found = known.get((intent.nonce, job_type))
                is_awaited = intent.nonce in sending and not _answers(intent, job_type)
                if found is None:
                    if _may_have_made_a_job(intent, job_type):
                        forgotten.append((intent, job_type))
                elif not is_awaited and _knows_more(intent, job_type, found):
                    unrecorded.append((intent, job_type))
        return Comparison(tuple(forgotten), tuple(unrecorded))

    async def _record_answers(
        self, fetch: Fetch, shares: Sequence[_Share], sending: Set[str]
    ) -> None:
        """Record the answers that the journals hold."""
        known = await _known(fetch, [intent.nonce for intent, _ in shares])
        for verdicts in _verdicts(shares, known, sending):
            unmoved(await fetch("record", *record_arguments(verdicts), self._actor))

    async def _make_submissions(self, fetch: Fetch, shares: Sequence[_Share]) -> None:
        [batch] = await fetch("open_journal_batch", self._target.id)
        await fetch(
            "restore_submissions", self._target.id, batch["id"], *_identity(shares),
            [intent.config for intent, _ in shares], [intent.user_data for intent, _ in shares],
        )  # fmt: skip

    async def _make_attempts(self, fetch: Fetch, shares: Sequence[_Share]) -> None:
        assert self._spending, "who restores says what it may cost"
        await fetch(
            "restore_attempts", self._target.id, self._actor, *_identity(shares),
            [intent.nonce for intent, _ in shares], [intent.signed_at for intent, _ in shares],
            [intent.worker for intent, _ in shares], *self._spending.price_arguments,
            [intent.access_key_id for intent, _ in shares],
        )  # fmt: skip


async def _known(fetch: Fetch, nonces: Sequence[str]) -> dict[Share, Known]:
    rows = await fetch("find_attempts", list(nonces))
    return {
        (row["nonce"], JobType(row["job_type"])): Known(
            row["submission_id"], row["lease"], row["outcome"], frozenset(row["job_ids"])
        )
        for row in rows
    }


def record_arguments(verdicts: Sequence[Verdict]) -> tuple[list[object], ...]:
    """Return the arrays that ``record.sql`` takes, one element a verdict."""
    return (
        [v.submission_id for v in verdicts],
        [v.lease for v in verdicts],
        [v.outcome for v in verdicts],
        [v.http_status for v in verdicts],
        [v.code for v in verdicts],
        [v.message for v in verdicts],
        [v.request_id for v in verdicts],
        [v.job_id for v in verdicts],
        [",".join(v.further_job_ids) for v in verdicts],
        [v.to_state.value for v in verdicts],
        [v.due_in_seconds for v in verdicts],
        [0 if v.counts else 1 for v in verdicts],
        [v.is_certain for v in verdicts],
    )


def unmoved(rows: Sequence[asyncpg.Record]) -> list[int]:
    """Return what ``record.sql`` did not move; log JobIds that are another submission's."""
    anothers = [row["submission_id"] for row in rows if row["is_anothers"]]
    if anothers:
        from batch.logs import rare_logger  # a command that only looks must be quick

        rare_logger().warning("job_of_another_submission", submissions=anothers)
    return [row["submission_id"] for row in rows if not row["has_moved"]]


def _identity(shares: Sequence[_Share]) -> tuple[list[str], ...]:
    return (
        [intent.media_id for intent, _ in shares],
        [job_type.value for _, job_type in shares],
        [intent.config_keys[job_type] for intent, job_type in shares],
        [intent.campaign for intent, _ in shares],
    )


def _answers(intent: Intent, job_type: JobType) -> list[Verdict]:
    return [answer.verdict for answer in intent.answers if answer.job_type is job_type]


def _jobs(intent: Intent, job_type: JobType) -> set[str]:
    held: set[str] = set()
    for verdict in _answers(intent, job_type):
        held |= {*verdict.further_job_ids, *([verdict.job_id] if verdict.job_id else [])}
    return held


def _knows_more(intent: Intent, job_type: JobType, found: Known) -> bool:
    """Return whether the journal holds an answer that the database never got."""
    answers = _answers(intent, job_type)
    last = answers[-1] if answers else None
    # An accepted one whose JobId is another submission's is in doubt here for good.
    is_settled_there = (
        last is not None and last.outcome != "in_doubt" and last.job_id not in found.job_ids
    )
    return (
        found.outcome is None
        or bool(_jobs(intent, job_type) - found.job_ids)
        or (found.outcome == "in_doubt" and is_settled_there)
    )


def _may_have_made_a_job(intent: Intent, job_type: JobType) -> bool:
    """Return whether forgetting this request could lead to paying for it again."""
    answers = _answers(intent, job_type)
    return not answers or any(
        verdict.to_state in (State.SUBMITTED, State.IN_DOUBT) for verdict in answers
    )


def _one_a_media_and_type(shares: Sequence[_Share]) -> list[list[_Share]]:
    """Deal the shares into turns, oldest first, each with at most one of a media and type."""
    turns: list[list[_Share]] = []
    taken: Counter[tuple[str, JobType]] = Counter()
    for intent, job_type in sorted(shares, key=lambda share: share[0].signed_at):
        place = taken[intent.media_id, job_type]
        taken[intent.media_id, job_type] += 1
        if place == len(turns):
            turns.append([])
        turns[place].append((intent, job_type))
    return turns


def _verdicts(
    shares: Sequence[_Share], known: dict[Share, Known], sending: Set[str]
) -> list[list[Verdict]]:
    """Return the verdicts to record, in turns with at most one of a submission."""
    turns: list[dict[int, Verdict]] = []
    for intent, job_type in shares:
        found = known.get((intent.nonce, job_type))
        if found is None:
            continue
        without = [] if intent.nonce in sending else [_UNANSWERED]
        for verdict in _answers(intent, job_type) or without:
            ours = replace(verdict, submission_id=found.submission_id, lease=found.lease)
            for turn in turns:
                if ours.submission_id not in turn:
                    turn[ours.submission_id] = ours
                    break
            else:
                turns.append({ours.submission_id: ours})
    return [list(turn.values()) for turn in turns]


_UNANSWERED = Verdict(0, 0, "in_doubt", State.IN_DOUBT, message="its worker died before an answer")
