"""Both records of a run: intents and outcomes in the journal, outcomes in PostgreSQL; in groups."""

import asyncio
from collections.abc import Sequence

import structlog

from batch.core.models import Claim
from batch.core.verdict import Verdict
from batch.errors import VodBatchError
from batch.ledger.journal import Journal
from batch.submit.claiming import Claims
from batch.submit.ending import Ending
from batch.submit.group_commit import GroupCommit

log = structlog.get_logger()


class Records:
    """Makes durable what was begun and what came of it; a journal that fails ends the run."""

    def __init__(self, claims: Claims, journal: Journal, actor: str, ending: Ending) -> None:
        self._claims = claims
        self._journal = journal
        self._actor = actor
        self._ending = ending
        self._ledger = GroupCommit(self._commit, key=lambda verdict: verdict.submission_id)
        self._lines = GroupCommit[bytes](self._append)

    def start(self) -> None:
        """Begin to commit what is handed in."""
        self._ledger.start()
        self._lines.start()

    async def close(self) -> None:
        """Commit what is left, then stop."""
        await self._ledger.close()
        await self._lines.close()

    async def keep_intents(self, claims: Sequence[Claim]) -> bool:
        """Write intents to the journal; without them nothing is sent."""
        with self._ending.failures():
            await self._lines.add([self._journal.intent_line(claim) for claim in claims])
            return True
        return False

    async def keep_outcome(self, claim: Claim, verdicts: tuple[Verdict, ...]) -> None:
        """Write an outcome to both records; the journal takes it while PostgreSQL is away."""
        journaled = self._lines.add([self._journal.answer_line(claim, verdicts)])
        recorded = self._ledger.add(verdicts)
        try:
            await journaled
        except VodBatchError as error:
            self._ending.fail(error)
            jobs = [v.job_id for v in verdicts if v.job_id]
            log.error("not_in_the_journal", nonce=claim.nonce, jobs=jobs, error=str(error))
        await recorded

    async def _append(self, lines: Sequence[bytes]) -> None:
        await asyncio.to_thread(self._journal.append, lines)

    async def _commit(self, verdicts: Sequence[Verdict]) -> None:
        for submission in await self._claims.record(verdicts, self._actor):
            log.warning("late_outcome", submission=submission, kept="on its attempt")
