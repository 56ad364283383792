"""A free look at media before paying for them: is it there, is it ready, how long is it?"""

import asyncio
import functools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import structlog
from aiolimiter import AsyncLimiter

from batch.core.models import JobType
from batch.core.outcome import Refused
from batch.core.pricing import PriceList
from batch.core.states import State
from batch.ledger.media import Aside, Look, MediaLooks, SetAside
from batch.ledger.unseen import KeptWords
from batch.ledger.word_keeping import unseen_kept
from batch.logs import EachMinute
from batch.session import Session
from batch.stopping import stopped_at
from batch.vod.client import VodClient
from batch.vod.media import BAD, COMING, MAX_VIDEO_IDS, UNKNOWN_MEDIA, MediaInfo, MediaPage
from batch.vod.pace import limiter
from batch.vod.wire import QueryFailed
from batch.waiting import a_few_at_once, unless

FIRST_OF_A_WORD = 10
"""Media of an unknown status that may fail before the rest of them are put off."""

_ACTOR = "preflight"
_NOT_FOUND = "NotFound"
"""Kept of a media that was sent and that the cloud does not know; list_lengthless.sql reads it."""
_AT_ONCE = 4
"""Calls on the way: enough for the pace where an answer takes a fifth of a second."""
_SHARE_OF_MEASURING = 0.1
_LATER_SECONDS = 6 * 3600.0
_PAGE = 50 * MAX_VIDEO_IDS

log = structlog.get_logger()


@dataclass
class PreflightSummary:
    """The result of a preflight: media looked at, submissions saved from a useless call.

    ``held_statuses`` are unknown words by which everything failed, with the submissions put off.
    ``saved`` is what those might have cost, in ``currency``: by the media's own length where it is
    known, else by the mean of those looked at; ``None`` while there is no price or no length.
    ``measured`` had been sent without a length, and have the amount that follows from theirs now.
    """

    currency: str
    looked_at: int = 0
    measured: int = 0
    not_there: int = 0
    put_off: int = 0
    failed_calls: int = 0
    last_trouble: str = ""
    saved: Decimal | None = None
    held_statuses: dict[str, int] = field(default_factory=dict)
    is_cut_short: bool = False
    """Whether media were left unseen because the night ended."""

    def __add__(self, other: "PreflightSummary") -> "PreflightSummary":
        """Return the sum of two results."""
        saved = [one for one in (self.saved, other.saved) if one is not None]
        return PreflightSummary(
            self.currency,
            self.looked_at + other.looked_at,
            self.measured + other.measured,
            self.not_there + other.not_there,
            self.put_off + other.put_off,
            self.failed_calls + other.failed_calls,
            other.last_trouble or self.last_trouble,
            sum(saved, Decimal(0)) if saved else None,
            self.held_statuses | other.held_statuses,
            self.is_cut_short or other.is_cut_short,
        )


async def preflight(
    session: Session,
    since: datetime,
    *,
    ends_at: datetime | None = None,
    stopping: asyncio.Event | None = None,
    most: int | None = None,
) -> PreflightSummary:
    """Look at the media of due rows that no look was taken at ``since``; nothing is spent.

    ``most`` is how many of them can be sent at all. Once ``stopping`` is set no more are asked for.

    Before that, at those of rows that were sent without a length: budgets may be less used then.
    They get a tenth of the time until ``ends_at``, for what is due has waited for it.

    After ``ends_at`` (UTC) the database has the grace, and no more, for all that is asked.

    Raises:
        VodBatchError: the ledger or the credentials do not allow it.
    """
    client, settings = await session.client(), session.settings
    database = session.database.part()
    looks, pace = MediaLooks(database, session.target), limiter(settings.preflight_qps)
    stopping = stopping or asyncio.Event()
    look = Preflight(looks, client, pace, settings.price_list, _ACTOR, stopping, most)
    hurry = functools.partial(database.hurry, settings.grace.total_seconds())
    words = unseen_kept(client.unseen, KeptWords(database, session.target))
    async with words, stopped_at(ends_at, hurry):
        await look.measure(since, _share_of_the_night(session, ends_at))
        return await look.run(since)


def _share_of_the_night(session: Session, ends_at: datetime | None) -> float:
    """Return the seconds in which what was sent may be measured."""
    if ends_at is None:
        return math.inf
    return (ends_at - session.clock()).total_seconds() * _SHARE_OF_MEASURING


class Preflight:
    """Looks at media, twenty a call, under a pace of its own."""

    def __init__(
        self,
        looks: MediaLooks,
        client: VodClient,
        pace: AsyncLimiter,
        prices: PriceList,
        actor: str,
        stopping: asyncio.Event,
        most: int | None = None,
    ) -> None:
        self._looks = looks
        self._stopping = stopping
        self._left = math.inf if most is None else most
        self._client = client
        self._pace = pace
        self._prices = prices
        self._actor = actor
        self._summary = PreflightSummary(prices.currency)
        self._seen_seconds = Decimal(0)
        self._seen = 0
        self._saved: Counter[tuple[JobType, Decimal | None]] = Counter()
        self._unknown_statuses: set[str] = set()
        self._progress = EachMinute()

    async def run(self, since: datetime) -> PreflightSummary:
        """Look at every media of due rows that was not looked at ``since``.

        A call that fails leaves its media as they are: they are sent unseen, as without preflight.
        """
        async for page in self._looks.unchecked(_PAGE, since):
            if self._is_over():
                break
            calls = [page[n : n + MAX_VIDEO_IDS] for n in range(0, len(page), MAX_VIDEO_IDS)]
            await a_few_at_once(calls, self._look, _AT_ONCE)
        await self._hold_failing_statuses()
        self._summary.saved = self._price_saved()
        return self._summary

    async def measure(self, since: datetime, seconds: float) -> None:
        """Find the lengths of what was sent without one, and correct what it is counted with.

        After ``seconds``, or a call that fails, the rest is left for the next time.
        """
        enough = asyncio.get_running_loop().time() + seconds
        async for those in self._looks.lengthless(_PAGE, since):
            goes_on = await self._measure(those.media)
            self._summary.measured += await self._looks.correct(those)
            if not goes_on or asyncio.get_running_loop().time() > enough:
                return

    async def _measure(self, media_ids: Sequence[str]) -> bool:
        """Keep what the cloud says of media; say whether it answered every call."""
        for start in range(0, len(media_ids), MAX_VIDEO_IDS):
            asked = media_ids[start : start + MAX_VIDEO_IDS]
            answer = None if self._stopping.is_set() else await self._ask(asked)
            if answer is None:
                return False
            self._summary.looked_at += len(asked)
            looks = [Look(m.media_id, m.status, m.seconds) for m in answer.media]
            gone = [Look(media_id, _NOT_FOUND, None) for media_id in answer.unknown_ids]
            if looks or gone:
                await self._looks.record(looks + gone)
        return True

    def _is_over(self) -> bool:
        self._summary.is_cut_short |= self._stopping.is_set()
        return self._stopping.is_set() or self._left <= 0

    async def _look(self, media_ids: Sequence[str]) -> None:
        answer = None if self._is_over() else await self._ask(media_ids)
        done = self._summary
        self._progress.tell("look", looked_at=done.looked_at, failed_calls=done.failed_calls)
        if answer is None:
            return
        self._summary.looked_at += len(media_ids)
        self._unknown_statuses |= {m.status.lower() for m in answer.media if m.is_unknown}
        looks = [Look(m.media_id, m.status, m.seconds) for m in answer.media]
        if looks:
            await self._looks.record(looks)
        lengths = {look.media_id: look.seconds for look in looks if look.seconds is not None}
        self._seen_seconds += sum(lengths.values(), Decimal(0))
        self._seen += len(lengths)
        self._left -= len(answer.media)
        if asides := _asides(answer):
            self._count(await self._looks.set_aside(asides, self._actor), lengths)

    async def _ask(self, media_ids: Sequence[str]) -> MediaPage | None:
        """Ask about at most twenty media; ``None`` without an answer to trust.

        The refusal "not found" of several does not say which: each half is asked alone.
        """
        await self._pace.acquire()
        try:
            return await unless(self._stopping, self._client.video_infos(media_ids))
        except QueryFailed as error:
            if not _says_not_found(error):
                self._summary.failed_calls += 1
                self._summary.last_trouble = str(error)
                log.warning("preflight_failed", media=len(media_ids), error=str(error))
                return None
        if len(media_ids) == 1:
            return MediaPage((), tuple(media_ids))
        middle = len(media_ids) // 2
        halves = [await self._ask(half) for half in (media_ids[:middle], media_ids[middle:])]
        pages = [half for half in halves if half]
        return MediaPage(
            tuple(media for half in pages for media in half.media),
            tuple(media_id for half in pages for media_id in half.unknown_ids),
        )

    async def _hold_failing_statuses(self) -> None:
        """Put off what carries an unknown status by which the first ten media all failed."""
        if not self._unknown_statuses:
            return
        statuses = sorted(self._unknown_statuses)
        for status in await self._looks.failed_statuses(statuses, FIRST_OF_A_WORD):
            message = (
                f"no document knows the status {status!r}, and the first {FIRST_OF_A_WORD} media "
                "with it all failed; a night with --no-preflight sends them all the same"
            )
            aside = Aside("", f"Preflight.{status}", message, _LATER_SECONDS)
            rows = await self._looks.put_off(status, aside, self._actor)
            self._summary.held_statuses[status] = len(rows)
            self._count(rows, {})
            log.warning("unknown_status_held", status=status, submissions=len(rows))

    def _count(self, moved: Sequence[SetAside], lengths: Mapping[str, Decimal]) -> None:
        for row in moved:
            self._summary.not_there += row.state is State.REJECTED
            self._summary.put_off += row.state is State.PENDING
            self._saved[row.job_type, lengths.get(row.media_id)] += 1

    def _price_saved(self) -> Decimal | None:
        """Return what the submissions set aside might have cost."""
        mean = self._seen_seconds / self._seen if self._seen else None
        total = Decimal(0)
        for (job_type, length), count in self._saved.items():
            seconds = mean if length is None else length
            each = None if seconds is None else self._prices.estimate(job_type, seconds)
            if each is None:
                return None
            total += each * count
        return self._prices.money(total)


def _asides(answer: MediaPage) -> list[Aside]:
    gone = [
        Aside(media_id, "Preflight.NotFound", "the media does not exist", None)
        for media_id in answer.unknown_ids
    ]
    return gone + [aside for media in answer.media if (aside := _aside(media))]


def _aside(media: MediaInfo) -> Aside | None:
    """Say why no job can be made of a media now; an unknown word is no reason."""
    status = media.status.casefold()
    if status in BAD | COMING:
        later = _LATER_SECONDS if status in COMING else None
        message = f"the media is not ready: {media.status}"
        return Aside(media.media_id, f"Preflight.{media.status}", message, later)
    if obstacle := media.storage_obstacle:
        message = f"its source file cannot be read now: {obstacle}"
        return Aside(media.media_id, f"Preflight.{obstacle}", message, _LATER_SECONDS)
    return None


def _says_not_found(error: QueryFailed) -> bool:
    outcome = error.outcome
    return isinstance(outcome, Refused) and outcome.code.casefold() == UNKNOWN_MEDIA
