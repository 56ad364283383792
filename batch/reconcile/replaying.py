"""Send the identical signed request of a doubt once more (``vod-api.md`` 12.3).

Where the account refuses a repeated nonce, the copy runs only if the first one never arrived. So it
is sent only where that was seen, with the same key, inside the date window, and never under a hold.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from batch.core.doubt import OLDEST_DATE
from batch.core.learnt import Learnt
from batch.core.models import Claim
from batch.core.outcome import Accepted, InDoubt, NotSent, Outcome, Throttled
from batch.core.verdict import Verdict, judge_accepted, judge_doubt
from batch.ledger.doubts import Doubts, OpenDoubt
from batch.ledger.journal import LateJournal
from batch.submit.shared_pace import SharedPace
from batch.vod.client import VodClient
from batch.vod.connector import NotDepartedError

_LONGEST_DEPARTURE_SECONDS = 1.0
"""Between mark and send; whatever takes longer, a cooldown say, may have made the mark untrue."""

_LONGEST_MARK_SECONDS = 5.0
"""For a mark whose database was away meanwhile; a slow one has taken less."""

_COOLDOWN_SECONDS = 2.0

log = structlog.get_logger()


class _MarkedDeparture:
    """With the connection open, marks the doubts as replayed, and leaves soon after or never."""

    def __init__(self, mark: Callable[[], Awaitable[bool]], pace: SharedPace) -> None:
        self._mark = mark
        self._pace = pace

    async def near(self) -> None:
        """Wait for nothing: what follows the mark meets a cooldown."""

    async def leave(self) -> None:
        """Mark, then wait for the slot. Raises NotDepartedError where one of them cannot be."""
        if not await self._mark():
            raise NotDepartedError("not sent: it may not be sent any more")
        try:
            async with asyncio.timeout(_LONGEST_DEPARTURE_SECONDS):
                await self._pace.depart()
        except TimeoutError:
            raise NotDepartedError("not sent: its slot was too far away") from None


class Replayer:
    """Replays requests of one target under the pace of its submits."""

    def __init__(
        self,
        doubts: Doubts,
        client: VodClient,
        pace: SharedPace,
        journal: LateJournal,
        actor: str,
        *,
        is_cloud: bool,
    ) -> None:
        """At the cloud (``is_cloud``) nothing is replayed that no probe has prepared."""
        self._doubts = doubts
        self._client = client
        self._pace = pace
        self._journal = journal
        self._actor = actor
        self._is_cloud = is_cloud
        self._is_allowed = False

    async def begin_round(self, learnt: Learnt) -> None:
        """Look up whether this account may be trusted to refuse a repeated nonce."""
        is_confirmed = await self._doubts.replay_confirmed_at() is not None
        self._is_allowed = is_confirmed and not (self._is_cloud and learnt.probed_at is None)

    async def replay(self, group: Sequence[OpenDoubt]) -> set[int] | None:
        """Send the request of ``group`` (all its doubts, one nonce) once more, if that may be.

        Returns the submissions that have their job by it; ``None`` when nothing was sent.
        """
        if not self._is_allowed or not all(_is_young(doubt) for doubt in group):
            return None
        key_id = await self._client.access_key_id()
        if any(doubt.access_key_id != key_id for doubt in group):
            return None
        await self._journal.prepare()
        await self._pace.take(1)

        async def mark() -> bool:
            """Mark them; a mark that was waited for may have become untrue, and counts as sent."""
            asked = time.monotonic()
            age = await self._doubts.mark_replayed(group, key_id, OLDEST_DATE)
            is_fresh = time.monotonic() - asked <= _LONGEST_MARK_SECONDS
            return age is not None and age <= OLDEST_DATE and is_fresh

        claim = _claim(group)
        outcome = await self._client.submit(claim, _MarkedDeparture(mark, self._pace))
        if isinstance(outcome, NotSent) and outcome.by_choice:
            log.warning("replay_given_up", why=outcome.reason)
            return None
        log.info("replayed", media_id=claim.media_id, outcome=type(outcome).__name__)
        return await self._take_in(claim, outcome)

    async def _take_in(self, claim: Claim, outcome: Outcome) -> set[int]:
        """Record what the answer names; whatever else it says moves nothing."""
        if isinstance(outcome, Throttled):
            self._pace.cool_down(outcome.retry_after_seconds or _COOLDOWN_SECONDS)
        if isinstance(outcome, InDoubt) and outcome.job_ids:
            await self._keep(claim, judge_doubt(claim, outcome))
        if not isinstance(outcome, Accepted):
            return set()
        return await self._keep(claim, judge_accepted(claim, outcome))

    async def _keep(self, claim: Claim, verdicts: Sequence[Verdict]) -> set[int]:
        """Write an answer to both records; what one does not take, the other has."""
        try:
            await self._journal.keep(claim, verdicts)
        finally:
            settled = await self._doubts.record(verdicts, self._actor)
        return settled


def _is_young(doubt: OpenDoubt) -> bool:
    return doubt.replayed_at is None and doubt.age < OLDEST_DATE.total_seconds()


def _claim(group: Sequence[OpenDoubt]) -> Claim:
    members = [member for doubt in group for member in doubt.claim.members]
    members.sort(key=lambda member: member.job_type)
    return replace(group[0].claim, members=tuple(members))
