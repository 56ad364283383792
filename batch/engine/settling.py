"""Settle doubts: replay where it is proven safe, else look the jobs up (``design.md`` 4).

In order: (a) replay of the identical signed request, inside the date window, on an account that
was seen to refuse a repeated nonce; (b) look-up by media; (d) absence, proven after the settling
time by a look-up that shows a job known to exist. What is left is for the operator.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Protocol

import structlog

from batch.core.doubt import (
    DATE_WINDOW,
    Absent,
    Adopt,
    Ask,
    Candidate,
    Decision,
    Doubt,
    Wait,
    decide,
)
from batch.core.models import Claim, JobType
from batch.core.outcome import Accepted, Outcome
from batch.core.verdict import judge_accepted
from batch.engine.pace import Pace
from batch.engine.shared_pace import SharedPace
from batch.ledger.doubts import Doubts, OpenDoubt, Settlement
from batch.vod.lookup import JobDetail, JobInfo
from batch.vod.wire import QueryFailed

_PAGE = 200
_REPLAY_MARGIN = timedelta(minutes=1)
"""Kept from the date window's end, for clocks and for the request's own way."""

log = structlog.get_logger()


class LookupClient(Protocol):
    """The calls of the cloud that settle doubts: :class:`batch.vod.client.VodClient`."""

    async def submit(self, claim: Claim) -> Outcome:
        """Send the claim's signed request."""

    async def list_job_infos(self, media_id: str) -> tuple[JobInfo, ...]:
        """Return the AI jobs of a media."""

    async def job_detail(self, job_id: str) -> JobDetail:
        """Return type, trigger and time of a job."""

    @property
    def clock_skew(self) -> timedelta | None:
        """The cloud's clock less ours."""


class Settler:
    """Settles the doubts of one target; absence counts ``settle`` after a request's own time."""

    def __init__(
        self,
        doubts: Doubts,
        client: LookupClient,
        submit_pace: SharedPace,
        lookup_pace: Pace,
        settle: timedelta,
        actor: str,
        *,
        needs_witness: bool = True,
    ) -> None:
        """Settle with these calls and paces.

        ``needs_witness``: absence counts only once a look-up has shown some job of the type. A
        stand-in on this machine may go without.
        """
        self._doubts = doubts
        self._client = client
        self._submit_pace = submit_pace
        self._lookup_pace = lookup_pace
        self._settle = settle
        self._actor = actor
        self._needs_witness = needs_witness
        self._lookup_works: dict[JobType, bool | None] = {}
        self.settled: Counter[str] = Counter()
        """How doubts were settled so far: adopted, absent, replayed."""

    async def tick(self) -> Counter[str]:
        """Go through every doubt once; return how many ended how, open ones included."""
        self._lookup_works.clear()
        found: Counter[str] = Counter()
        after = 0
        while page := await self._doubts.list_doubts(after=after, limit=_PAGE):
            after = page[-1].id
            still_open = await self._replay(page)
            for media_id, group in groupby(
                sorted(still_open, key=lambda doubt: doubt.media_id), key=lambda d: d.media_id
            ):
                found += await self._look_up(media_id, list(group))
        return found

    async def _replay(self, page: list[OpenDoubt]) -> list[OpenDoubt]:
        """Send young requests once more, byte for byte; return the doubts that stay."""
        if not await self._doubts.replay_confirmed_at():
            return page
        settled: set[int] = set()
        by_nonce: dict[str, list[OpenDoubt]] = {}
        for doubt in page:
            by_nonce.setdefault(doubt.nonce, []).append(doubt)
        for group in by_nonce.values():
            if self._may_replay(group):
                settled |= await self._replay_one(group)
        return [doubt for doubt in page if doubt.id not in settled]

    def _may_replay(self, group: list[OpenDoubt]) -> bool:
        age = timedelta(seconds=group[0].age)
        return group[0].replayed_at is None and age < DATE_WINDOW - _REPLAY_MARGIN

    async def _replay_one(self, group: list[OpenDoubt]) -> set[int]:
        """Replay one request whole: with every type that it asked for, or not at all."""
        if await self._doubts.mark_replayed(group[0].nonce) != len(group):
            return set()
        members = [member for doubt in group for member in doubt.claim.members]
        members.sort(key=lambda member: member.job_type)
        claim = replace(group[0].claim, members=tuple(members))
        [slot] = await self._submit_pace.take(1)
        await self._submit_pace.depart(slot)
        outcome = await self._client.submit(claim)
        log.info("replayed", media_id=claim.media_id, outcome=type(outcome).__name__)
        if not isinstance(outcome, Accepted):
            return set()
        settled = await self._doubts.record(judge_accepted(claim, outcome), self._actor)
        self.settled["replayed"] += len(settled)
        return settled

    async def _look_up(self, media_id: str, group: list[OpenDoubt]) -> Counter[str]:
        """Settle the doubts of one media by the jobs that the cloud lists for it."""
        try:
            candidates = await self._unknown_jobs(media_id, group)
            works = {d.job_type: await self._shows_known_jobs(d.job_type) for d in group}
        except QueryFailed as error:
            await self._doubts.note({d.id: f"the look-up failed: {error}" for d in group})
            return Counter(failed=len(group))
        decisions = [
            (doubt, self._decide(doubt, candidates, works[doubt.job_type])) for doubt in group
        ]
        return await self._carry_out(_without_contested(decisions))

    async def _unknown_jobs(self, media_id: str, group: Iterable[OpenDoubt]) -> list[Candidate]:
        infos = await self._list(media_id)
        known = await self._doubts.known_jobs([info.job_id for info in infos], group)
        earliest = min(doubt.signed_at for doubt in group) - timedelta(hours=1)
        candidates = []
        for info in infos:
            if info.job_id in known or (info.created_at and info.created_at < earliest):
                continue
            await self._lookup_pace.take(1)
            detail = await self._client.job_detail(info.job_id)
            candidates.append(
                Candidate(
                    info.job_id,
                    detail.type,
                    info.created_at or detail.created_at,
                    detail.is_manual,
                )
            )
        return candidates

    async def _shows_known_jobs(self, job_type: JobType) -> bool | None:
        """Tell whether a look-up shows the newest job of this type that we know.

        Whether look-ups list this type at all, and how late, is not documented (``vod-api.md``
        2.2). Without a known job there is nothing to hold it to, and a person must say.
        """
        if job_type not in self._lookup_works:
            newest = await self._doubts.newest_job(job_type)
            if newest:
                shown = {info.job_id for info in await self._list(newest[1])}
                self._lookup_works[job_type] = newest[0] in shown
            else:
                self._lookup_works[job_type] = None if self._needs_witness else True
        return self._lookup_works[job_type]

    async def _list(self, media_id: str) -> tuple[JobInfo, ...]:
        await self._lookup_pace.take(1)
        return await self._client.list_job_infos(media_id)

    def _decide(
        self, doubt: OpenDoubt, candidates: list[Candidate], lookup_works: bool | None
    ) -> Decision:
        return decide(
            Doubt(doubt.job_type, doubt.signed_at, doubt.receipts),
            candidates,
            now=datetime.now(UTC),
            skew=self._client.clock_skew or timedelta(0),
            settle=self._settle,
            lookup_works=lookup_works,
        )

    async def _carry_out(self, decisions: list[tuple[OpenDoubt, Decision]]) -> Counter[str]:
        settlements, notes = [], {}
        found: Counter[str] = Counter()
        for doubt, decision in decisions:
            match decision:
                case Adopt(job_id):
                    reason = "look-up found its job"
                    settlements.append(Settlement(doubt.id, doubt.lease, job_id, reason))
                    found["adopted"] += 1
                case Absent():
                    reason = "look-up proves that no job exists"
                    settlements.append(Settlement(doubt.id, doubt.lease, None, reason))
                    found["absent"] += 1
                case Ask(why):
                    notes[doubt.id] = f"{why}; decide with: vod-batch resolve {doubt.media_id}"
                    found["asks"] += 1
                case Wait(why):
                    notes[doubt.id] = why
                    found["waits"] += 1
        if settlements:
            await self._doubts.settle(settlements, self._actor)
        if notes:
            await self._doubts.note(notes)
        self.settled += Counter(adopted=found["adopted"], absent=found["absent"])
        return found


def _without_contested(
    decisions: list[tuple[OpenDoubt, Decision]],
) -> list[tuple[OpenDoubt, Decision]]:
    """A job that two doubts would adopt is nobody's until a person says so."""
    claims = Counter(d.job_id for _, d in decisions if isinstance(d, Adopt))
    return [
        (doubt, Ask(f"two doubts fit job {decision.job_id}"))
        if isinstance(decision, Adopt) and claims[decision.job_id] > 1
        else (doubt, decision)
        for doubt, decision in decisions
    ]
