"""Settle doubts: look the jobs up, and replay at once where that is proven safe.

Media by media, the earliest expiry first, each in its state at that moment: (a) look-up by media;
(b) replay of the identical signed request, inside the date window; (d) absence, proven after the
settling time by a look-up that shows a job known to exist. What is left is for the operator.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from batch.core.doubt import OLDEST_DATE, Absent, Adopt, Ask, Decision, Doubt, Lookup, Wait, decide
from batch.core.models import Target
from batch.core.outcome import AccountStopped
from batch.core.refusal import account_error
from batch.core.states import State
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts, OpenDoubt, Settlement
from batch.ledger.journal import LateJournal
from batch.ledger.learnt import Lessons
from batch.look.evidence import Looker, Shown, look
from batch.reconcile.replaying import Replayer
from batch.reconcile.witness import Witnesses
from batch.settings import Settings
from batch.submit.shared_pace import SharedPace
from batch.vod.client import VodClient
from batch.vod.pace import limiter
from batch.vod.wire import QueryFailed

_PAGE = 20

log = structlog.get_logger()

_Decided = list[tuple[OpenDoubt, Decision]]


@dataclass(frozen=True, slots=True)
class Rules:
    """By which rules a doubt is settled: absence counts ``settle`` after a request's own time.

    A row that is proven absent is sent again, ``max_attempts`` times in all. ``is_cloud``: nothing
    is believed that the cloud's documents do not promise. A stand-in on this machine is believed
    without a witness.
    """

    settle: timedelta
    is_cloud: bool
    max_attempts: int


def settler_for(
    settings: Settings,
    database: Database,
    target: Target,
    client: VodClient,
    pace: SharedPace,
    journal: LateJournal,
    actor: str,
) -> "Settler":
    """Return what settles the target's doubts; replays go under ``pace``, as all submits do, and
    into ``journal``.
    """
    rules = Rules(settings.settle, settings.plays_by_cloud_rules, settings.max_attempts)
    doubts, lessons = Doubts(database, target), Lessons(database, target)
    looker = Looker(client, limiter(settings.lookup_qps))
    witnesses = Witnesses(doubts, lessons, looker, rules.settle, is_cloud=rules.is_cloud)
    replayer = Replayer(doubts, client, pace, journal, actor, is_cloud=rules.is_cloud)
    return Settler(doubts, looker, witnesses, replayer, rules, actor)


class Settler:
    """Settles the doubts of one target."""

    def __init__(
        self,
        doubts: Doubts,
        looker: Looker,
        witnesses: Witnesses,
        replayer: Replayer,
        rules: Rules,
        actor: str,
    ) -> None:
        self._doubts = doubts
        self._looker = looker
        self._witnesses = witnesses
        self._replayer = replayer
        self._rules = rules
        self._actor = actor
        self.settled: Counter[str] = Counter()
        """How doubts were settled so far: adopted, absent, replayed, dead."""

    async def tick(self, stopping: asyncio.Event | None = None) -> Counter[str]:
        """Go through every doubt once, until ``stopping``; return how many ended how, open too."""
        started = await self._doubts.now()
        await self._witnesses.begin_round()
        await self._replayer.begin_round(self._witnesses.learnt)
        found: Counter[str] = Counter()
        while page := await self._doubts.next_media(started, _PAGE, OLDEST_DATE.total_seconds()):
            for media_id in page:
                if stopping and stopping.is_set():
                    return found
                found += await self._settle_media(media_id)
        return found

    async def _settle_media(self, media_id: str) -> Counter[str]:
        """Settle the doubts of one media by the jobs that the cloud lists for it now."""
        group = await self._doubts.take_up(media_id)
        if not group:
            return Counter()
        try:
            shown = await look(
                self._looker, self._doubts, group, is_cloud=self._rules.is_cloud,
                newest_first=self._witnesses.learnt.newest_first,
            )  # fmt: skip
            lookups = {doubt.id: await self._witnesses.account(doubt) for doubt in group}
        except QueryFailed as error:
            if isinstance(error.outcome, AccountStopped):
                raise account_error(error.outcome) from error
            await self._doubts.note({d.id: f"the look-up failed: {error}" for d in group})
            return Counter(failed=len(group))
        decisions = _without_contested(
            [(doubt, self._decide(doubt, shown, lookups[doubt.id])) for doubt in group]
        )
        sent_again, found = await self._replay(decisions)
        return found + await self._carry_out(
            [(doubt, decision) for doubt, decision in decisions if doubt.id not in sent_again]
        )

    def _decide(self, doubt: OpenDoubt, shown: Shown, lookup: Lookup) -> Decision:
        own = self._witnesses.learnt.of(doubt.job_type)
        return decide(
            Doubt(doubt.job_type, doubt.signed_at, doubt.receipts, doubt.rivals, own),
            shown.candidates,
            now=datetime.now(UTC),
            skew=self._looker.skew,
            settle=self._rules.settle,
            lookup=lookup,
            may_be_cut=shown.may_be_cut,
        )

    async def _replay(self, decisions: _Decided) -> tuple[set[int], Counter[str]]:
        """Replay the requests that have left no trace; return their doubts, and how they ended."""
        sent_again: set[int] = set()
        found: Counter[str] = Counter()
        for group in _untraced_requests(decisions):
            settled = await self._replayer.replay(group)
            if settled is None:
                continue
            sent_again |= {doubt.id for doubt in group}
            self.settled["replayed"] += len(settled)
            found["replayed"] += len(settled)
            left = [doubt for doubt in group if doubt.id not in settled]
            found["waits"] += len(left)
            await self._doubts.note({d.id: "sent once more, without an answer" for d in left})
        return sent_again, found

    async def _carry_out(self, decisions: _Decided) -> Counter[str]:
        settlements, notes = [], {}
        found: Counter[str] = Counter()
        for doubt, decision in decisions:
            match decision:
                case Adopt(job_id):
                    settlements.append(_settlement(doubt, job_id, "look-up found its job"))
                case Absent():
                    reason = "look-up proves that no job exists"
                    if doubt.was_refused:
                        reason += f", and it was refused: {doubt.message}"
                    settlements.append(_settlement(doubt, None, reason))
                case Ask(why):
                    notes[doubt.id] = f"{why}; decide with: vod-batch resolve {doubt.media_id}"
                    found["asks"] += 1
                case Wait(why):
                    notes[doubt.id] = why
                    found["waits"] += 1
        if settlements:
            most = self._rules.max_attempts
            moved = await self._doubts.settle(settlements, self._actor, most)
            ends = Counter(_ENDS[state] for state in moved.values())
            found += ends
            self.settled += ends
        if notes:
            await self._doubts.note(notes)
        return found


_ENDS = {
    State.SUBMITTED: "adopted",
    State.PENDING: "absent",
    State.REJECTED: "absent",
    State.DEAD: "dead",
}


def _settlement(doubt: OpenDoubt, job_id: str | None, reason: str) -> Settlement:
    was_replayed = doubt.replayed_at is not None
    is_absent = job_id is None
    is_refused = is_absent and doubt.was_refused
    return Settlement(doubt.id, doubt.lease, job_id, reason, is_absent, was_replayed, is_refused)


def _untraced_requests(decisions: _Decided) -> list[list[OpenDoubt]]:
    """Return the doubts by their request, where the look-up shows nothing for any of them.

    What was answered with a refusal is not sent once more: it would be refused again.
    """
    by_nonce: dict[str, list[tuple[OpenDoubt, Decision]]] = {}
    for doubt, decision in decisions:
        by_nonce.setdefault(doubt.nonce, []).append((doubt, decision))
    return [
        [doubt for doubt, _ in request]
        for request in by_nonce.values()
        if all(isinstance(decision, Absent | Wait) for _, decision in request)
        and not any(doubt.was_refused for doubt, _ in request)
    ]


def _without_contested(decisions: Sequence[tuple[OpenDoubt, Decision]]) -> _Decided:
    """A job that two doubts would adopt is nobody's until a person says so."""
    claims = Counter(d.job_id for _, d in decisions if isinstance(d, Adopt))
    return [
        (doubt, Ask(f"two doubts fit job {decision.job_id}"))
        if isinstance(decision, Adopt) and claims[decision.job_id] > 1
        else (doubt, decision)
        for doubt, decision in decisions
    ]
