"""A free look at media before paying for them: is it there, is it ready, how long is it?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import structlog

from batch.core.models import JobType
from batch.core.pricing import PriceList
from batch.core.states import State
from batch.engine.pace import Pace
from batch.ledger.media import Aside, Look, MediaLooks, SetAside
from batch.vod.media import MAX_VIDEO_IDS, MediaPage
from batch.vod.wire import QueryFailed

READY = frozenset({"Normal", "Checking", "UploadSucc", "Transcoding", "TranscodeFail"})
"""Statuses whose source file is there to be analysed (``vod-api.md`` 1.7)."""

COMING = frozenset({"Uploading"})
"""Statuses that may become ready by themselves."""

_LATER_SECONDS = 6 * 3600.0
_PAGE = 50 * MAX_VIDEO_IDS

log = structlog.get_logger()


class MediaClient(Protocol):
    """The call that looks: :class:`batch.vod.client.VodClient`."""

    async def video_infos(self, media_ids: Sequence[str]) -> MediaPage:
        """Return status and duration of at most twenty media."""


@dataclass
class PreflightSummary:
    """What a preflight came to: media looked at, submissions saved from a useless call.

    ``saved`` is what those might have cost, in ``currency``: by the media's own length where it is
    known, else by the mean of those looked at; ``None`` while there is no price or no length.
    """

    currency: str
    looked_at: int = 0
    not_there: int = 0
    put_off: int = 0
    failed_calls: int = 0
    saved: Decimal | None = None

    def __add__(self, other: "PreflightSummary") -> "PreflightSummary":
        """Return what two looks came to together."""
        saved = [one for one in (self.saved, other.saved) if one is not None]
        return PreflightSummary(
            self.currency,
            self.looked_at + other.looked_at,
            self.not_there + other.not_there,
            self.put_off + other.put_off,
            self.failed_calls + other.failed_calls,
            sum(saved, Decimal(0)) if saved else None,
        )


class Preflight:
    """Looks at the media of due rows, twenty a call, under a pace of its own."""

    def __init__(
        self, looks: MediaLooks, client: MediaClient, pace: Pace, prices: PriceList, actor: str
    ) -> None:
        self._looks = looks
        self._client = client
        self._pace = pace
        self._prices = prices
        self._actor = actor
        self._summary = PreflightSummary(prices.currency)
        self._seen_seconds = Decimal(0)
        self._seen = 0
        self._saved: Counter[tuple[JobType, Decimal | None]] = Counter()

    async def run(self, since: datetime) -> PreflightSummary:
        """Look at every media of due rows that was not looked at ``since``.

        A call that fails leaves its media as they are: they are sent unseen, as without preflight.
        """
        after = ""
        while page := await self._looks.list_unchecked(after, _PAGE, since):
            after = page[-1]
            for start in range(0, len(page), MAX_VIDEO_IDS):
                await self._look(page[start : start + MAX_VIDEO_IDS])
        self._summary.saved = self._price_saved()
        return self._summary

    async def _look(self, media_ids: list[str]) -> None:
        await self._pace.take(1)
        try:
            answer = await self._client.video_infos(media_ids)
        except QueryFailed as error:
            self._summary.failed_calls += 1
            log.warning("preflight_failed", media=len(media_ids), error=str(error))
            return
        self._summary.looked_at += len(media_ids)
        looks = [Look(m.media_id, m.status, m.seconds) for m in answer.media]
        if looks:
            await self._looks.record(looks)
        lengths = {look.media_id: look.seconds for look in looks if look.seconds is not None}
        self._seen_seconds += sum(lengths.values(), Decimal(0))
        self._seen += len(lengths)
        if asides := _asides(looks, answer.unknown_ids):
            self._count(await self._looks.set_aside(asides, self._actor), lengths)

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
        return total.quantize(Decimal("0.01"))


def _asides(looks: Sequence[Look], unknown_ids: Sequence[str]) -> list[Aside]:
    gone = [
        Aside(media_id, "Preflight.NotFound", "the media does not exist", None)
        for media_id in unknown_ids
    ]
    return gone + [
        Aside(
            look.media_id,
            f"Preflight.{look.status}",
            f"the media is not ready: {look.status}",
            _LATER_SECONDS if look.status in COMING else None,
        )
        for look in looks
        if look.status not in READY
    ]
