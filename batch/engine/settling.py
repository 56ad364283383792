"""Settle doubts: replay where it is proven safe, else look the jobs up (``design.md`` 4).

In order: (a) replay of the identical signed request, inside the date window, on an account that
was seen to refuse a repeated nonce; (b) look-up by media; (d) absence, proven after the settling
time by a look-up that shows a job known to exist. What is left is for the operator.
"""

from collections import Counter
from collections.abc import Sequence
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
    Lookup,
    Wait,
    decide,
)
from batch.core.models import Claim, JobType
from batch.core.outcome import Accepted, AccountStopped, Outcome
from batch.core.verdict import judge_accepted
from batch.engine.pace import Pace
from batch.engine.refusal import account_error
from batch.engine.shared_pace import SharedPace
from batch.ledger.doubts import Doubts, KnownJob, OpenDoubt, Settlement
from batch.ledger.journal import LateJournal
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
        journal: LateJournal,
        *,
        needs_witness: bool = True,
    ) -> None:
        """Settle with these calls and paces.

        ``needs_witness``: absence counts only where the look-up is held to account
        (:meth:`_hold_to_account`). A stand-in on this machine is believed.
        """
        self._doubts = doubts
        self._client = client
        self._submit_pace = submit_pace
        self._lookup_pace = lookup_pace
        self._settle = settle
        self._actor = actor
        self._journal = journal
        self._needs_witness = needs_witness
        self._witnesses: dict[JobType, tuple[KnownJob | None, bool]] = {}
        self.settled: Counter[str] = Counter()
        """How doubts were settled so far: adopted, absent, replayed."""

    async def tick(self) -> Counter[str]:
        """Go through every doubt once; return how many ended how, open ones included."""
        self._witnesses.clear()
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
        await self._journal.prepare()
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
        verdicts = judge_accepted(claim, outcome)
        try:
            await self._journal.keep(claim, verdicts)
        finally:
            settled = await self._doubts.record(verdicts, self._actor)
        self.settled["replayed"] += len(settled)
        return settled

    async def _look_up(self, media_id: str, group: list[OpenDoubt]) -> Counter[str]:
        """Settle the doubts of one media by the jobs that the cloud lists for it."""
        try:
            candidates, may_be_cut = await self._unknown_jobs(media_id, group)
            lookups = {d.id: await self._hold_to_account(d) for d in group}
        except QueryFailed as error:
            if isinstance(error.outcome, AccountStopped):
                raise account_error(error.outcome) from error
            await self._doubts.note({d.id: f"the look-up failed: {error}" for d in group})
            return Counter(failed=len(group))
        decisions = [
            (doubt, self._decide(doubt, candidates, lookups[doubt.id], may_be_cut=may_be_cut))
            for doubt in group
        ]
        return await self._carry_out(_without_contested(decisions))

    async def _unknown_jobs(
        self, media_id: str, group: Sequence[OpenDoubt]
    ) -> tuple[list[Candidate], bool]:
        """Return the media's jobs that the ledger does not know, and whether some may be missing.

        How long a list may be is not documented (``vod-api.md`` 2.2): one that begins with a job
        that is younger than the requests, and not theirs, may have been cut before it.
        """
        infos = await self._list(media_id)
        known = await self._doubts.known_jobs([info.job_id for info in infos], group)
        first_sent = min(doubt.signed_at for doubt in group)
        earliest = first_sent - timedelta(hours=1)
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
        dated = [info for info in infos if info.created_at]
        oldest = min(dated, key=lambda info: (info.created_at, info.job_id), default=None)
        may_be_cut = (
            self._needs_witness
            and oldest is not None
            and oldest.created_at is not None
            and oldest.created_at > first_sent + (self._client.clock_skew or timedelta(0))
            and oldest.job_id not in known
        )
        return candidates, may_be_cut

    async def _hold_to_account(self, doubt: OpenDoubt) -> Lookup:
        """Tell whether a look-up shows the newest job of this type that we know.

        Whether look-ups list this type at all, and how late, is not documented (``vod-api.md``
        2.2). Only a job at least as young as any that the request can have made shows that the
        look-up is not too late for it; a stand-in on this machine may go without.
        """
        newest, is_shown = await self._witness(doubt.job_type)
        if newest is None:
            return Lookup.NOTHING_KNOWN if self._needs_witness else Lookup.SHOWS
        if not is_shown:
            return Lookup.HIDES
        is_younger = newest.submitted_at >= doubt.begun_at + DATE_WINDOW
        return Lookup.SHOWS if is_younger or not self._needs_witness else Lookup.SHOWS_OLDER

    async def _witness(self, job_type: JobType) -> tuple[KnownJob | None, bool]:
        """Return the newest known job of a type, and whether the look-up shows it; once a round."""
        if job_type not in self._witnesses:
            newest = await self._doubts.newest_job(job_type)
            infos = await self._list(newest.media_id) if newest else ()
            is_shown = newest is not None and newest.job_id in {info.job_id for info in infos}
            self._witnesses[job_type] = newest, is_shown
        return self._witnesses[job_type]

    async def _list(self, media_id: str) -> tuple[JobInfo, ...]:
        await self._lookup_pace.take(1)
        return await self._client.list_job_infos(media_id)

    def _decide(
        self, doubt: OpenDoubt, candidates: list[Candidate], lookup: Lookup, *, may_be_cut: bool
    ) -> Decision:
        return decide(
            Doubt(doubt.job_type, doubt.signed_at, doubt.receipts),
            candidates,
            now=datetime.now(UTC),
            skew=self._client.clock_skew or timedelta(0),
            settle=self._settle,
            lookup=lookup,
            may_be_cut=may_be_cut,
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
