"""Already paid for: jobs that the cloud has made are looked for before one is sent.

Where DNA is active every upload gets an automatic DNA job (``vod-api.md`` 1.7). Look-ups are half
as fast as sends, so a list is looked at as a whole only when its first media show that it pays:
then no row of it goes before its media was looked at, just before its turn or, while the sender is
busy with others, ahead of it. What a look finds waits in the ledger; what it adopts costs nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import structlog

from batch.core.existing import USUAL_CAMPAIGN, ExistingSummary, FoundJob, choose
from batch.core.models import Claim, JobType
from batch.core.pricing import PriceList, TypeAmount, cost_range
from batch.core.states import State
from batch.errors import VodBatchError
from batch.ledger.existing import Adopted, ExistingLedger, Listed, Waiting
from batch.look.looking import AT_A_TIME, Looks

Mode = Literal["auto", "always"]

_SAMPLE = 20
_PUT_OFF = timedelta(minutes=10)
_STEP_SECONDS = 0.1
_LAP_SECONDS = 5.0
_CODE = "Existing.Waits"
"""Of a row that waits for a job that was not ours, or for a look."""
_IN_FRONT = (32767, 0)
"""Of every row in sending order: the highest priority, and below every id."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Matches:
    """Why rows need not be sent, and which of them have moved for it."""

    reasons: dict[int, str]
    moved: set[int]


class ExistingJobs:
    """The gate of one run: what is begun through it has been looked at, where that is wanted."""

    def __init__(
        self,
        ledger: ExistingLedger,
        looks: Looks,
        mode: Mode,
        prices: PriceList,
        actor: str,
    ) -> None:
        self._ledger = ledger
        self._looks = looks
        self._is_always = mode == "always"
        self._prices = prices
        self._actor = actor
        self._lists: dict[Listed, bool] = {}
        self._kept_back: set[int] = set()
        self._trouble: VodBatchError | None = None
        self._is_needed = True
        self._desk = asyncio.Lock()
        """One chunk of looks at a time: it is the pace that they wait for."""
        self._put_off_rows = 0
        self._adopted: dict[JobType, TypeAmount] = {}

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator["ExistingJobs"]:
        """Read what earlier runs learnt, and look ahead of the sender while the block lasts."""
        self._lists = await self._ledger.sampled_lists()
        ahead = asyncio.create_task(self._look_ahead_forever(), name="look-ahead")
        try:
            yield self
        finally:
            ahead.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ahead

    def summary(self) -> ExistingSummary:
        """Return the result of the looks so far."""
        amounts = list(self._adopted.values())
        saved = cost_range(amounts, self._prices, None).expected if amounts else None
        return ExistingSummary(
            self._prices.currency,
            looked_at=self._looks.taken,
            adopted=sum(amount.rows for amount in amounts),
            put_off=self._put_off_rows,
            failed=len(self._looks.failed),
            saved=saved,
            gave_up=self._looks.gave_up,
        )

    async def make_way(self, wanted: int) -> int:
        """Look at the media of what would be begun next; say how many may be, of ``wanted``.

        Only a few are looked at, so that the first need not wait for the last. None means that all
        of them had a job: ask again.

        Raises:
            VodBatchError: looks are a must, and cannot be taken.
        """
        if self._trouble:
            raise self._trouble
        if not self._is_needed:
            return wanted
        async with self._desk:
            line = await self._line(wanted, self._kept_back)
            if await self._sample_new_lists(line):
                line = await self._line(wanted, self._kept_back)
            few = self._first_few(line)
            late = [row for row in line[len(few) :] if row.id in self._kept_back]
            matches = await self._match(await self._look_at([*few, *late]))
            self._kept_back &= {row.id for row in line if row.state is State.SUBMITTING}
            self._is_needed = self._is_always or any(self._lists.values()) or bool(self._kept_back)
        if len(few) == len(line) < wanted and not matches.moved:
            return wanted
        return min(wanted, sum(row.id not in matches.moved for row in few))

    async def keep_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Look at the media of claims that were begun unseen; say which must not be sent, and why.

        That is a list that was loaded a moment ago, or a row that came due in between. A claim that
        has a job is given back as never sent, and gets the job once it is pending.

        Raises:
            VodBatchError: looks are a must, and cannot be taken.
        """
        usual = [claim for claim in claims if claim.campaign == USUAL_CAMPAIGN]
        lists = {(member.batch, member.job_type) for claim in usual for member in claim.members}
        if not any(self._is_wanted(one) or one not in self._lists for one in lists):
            return {}
        async with self._desk:
            rows = await self._line(0, {m.id for claim in usual for m in claim.members})
            await self._sample_new_lists(rows)
            reasons = (await self._match(await self._look_at(rows))).reasons
        kept = {}
        for claim in usual:
            if found := [reasons[m.id] for m in claim.members if m.id in reasons]:
                kept[claim.nonce] = f"not sent: {found[0]}"
                self._kept_back.update(member.id for member in claim.members)
                self._is_needed = True
        return kept

    async def _line(self, most: int, further: Iterable[int]) -> list[Waiting]:
        return await self._ledger.next_in_line(most, list(further))

    def _is_wanted(self, listed: Listed) -> bool:
        return self._is_always or self._lists.get(listed, False)

    def _wants(self, row: Waiting) -> bool:
        return row.campaign == USUAL_CAMPAIGN and not row.was_sent and self._is_wanted(row.listed)

    def _is_unseen(self, row: Waiting) -> bool:
        """Whether a look is wanted before the row goes: a failed one again only if it is a must."""
        may_go = row.is_looked_at or self._looks.gave_up
        has_failed = row.media_id in self._looks.failed and not self._is_always
        return self._wants(row) and not may_go and not has_failed

    def _first_few(self, line: Sequence[Waiting]) -> list[Waiting]:
        """Return the line up to where its unseen media are too many for one turn."""
        few: list[Waiting] = []
        unseen: set[str] = set()
        for row in line:
            if self._is_unseen(row):
                unseen.add(row.media_id)
            if len(unseen) > AT_A_TIME:
                break
            few.append(row)
        return few

    async def _sample_new_lists(self, rows: Sequence[Waiting]) -> bool:
        """Look at some media of each list that no look was taken at; a hit asks for them all."""
        if self._is_always:
            return False
        fresh = {
            row.listed for row in rows if row.campaign == USUAL_CAMPAIGN and not row.was_sent
        } - set(self._lists)
        for listed in sorted(fresh):
            await self._sample(listed, [row for row in rows if row.listed == listed])
        return bool(fresh)

    async def _sample(self, listed: Listed, at_hand: Sequence[Waiting]) -> None:
        """Look at the first media of a list; only a sample that was whole is kept."""
        waiting = await self._ledger.first_of_list(listed, _SAMPLE)
        rows = list({row.id: row for row in (*at_hand, *waiting)}.values())[:_SAMPLE]
        self._lists[listed] = True  # for as long as its first rows are looked at
        try:
            hits = (await self._match(await self._look_at(rows))).reasons
        except BaseException:
            del self._lists[listed]
            raise
        self._lists[listed] = bool(hits)
        is_whole = not any(
            row.media_id in self._looks.failed or self._looks.gave_up for row in rows
        )
        if hits or is_whole:
            await self._ledger.record_sample(listed, has_hit=bool(hits))
        batch, job_type = listed
        log.info("list_sampled", batch=batch, type=job_type, media=len(rows), hits=len(hits))

    async def _look_ahead_forever(self) -> None:
        """Look at what comes later, as far as the pace allows, from the front again and again."""
        place = _IN_FRONT
        try:
            while True:
                rows = await self._look_ahead(place)
                unseen = [row for row in rows if not row.is_looked_at]
                # Where there may be more of them than were taken, the walk went on from the last.
                end = unseen if len(unseen) == AT_A_TIME else rows
                place = (end[-1].priority, end[-1].id) if end else _IN_FRONT
                if not unseen:
                    await asyncio.sleep(_STEP_SECONDS if rows else _LAP_SECONDS)
        except VodBatchError as error:
            self._trouble = error

    async def _look_ahead(self, place: tuple[int, int]) -> list[Waiting]:
        lists = None if self._is_always else [one for one, hit in self._lists.items() if hit]
        if lists == [] or self._looks.gave_up:
            return []
        async with self._desk:
            rows = await self._ledger.walk_ahead(place, AT_A_TIME, lists, USUAL_CAMPAIGN)
            await self._match(await self._look_at(rows))
        return rows

    async def _look_at(self, rows: Sequence[Waiting]) -> list[Waiting]:
        """Look at the media of those rows that want it; return all that want it."""
        await self._looks.take([row.media_id for row in rows if self._is_unseen(row)])
        return [row for row in rows if self._wants(row)]

    async def _match(self, rows: Sequence[Waiting]) -> _Matches:
        """Give rows the jobs that exist, and put off those whose job still runs.

        One job is given once. A row that is not pending moves nowhere yet.
        """
        if not rows:
            return _Matches({}, set())
        jobs = await self._ledger.find({row.media_id for row in rows})
        given: dict[str, tuple[int, FoundJob]] = {}
        waits: dict[int, str] = {}
        for row in rows:
            job = choose(row.job_type, row.config, jobs.get(row.media_id, ()))
            if job is None:
                if self._is_always and (why := self._looks.failed.get(row.media_id)):
                    waits[row.id] = f"its media cannot be looked at: {why}"
            elif job.is_open:
                waits[row.id] = f"job {job.job_id} of this media and type has not ended"
            elif job.job_id not in given:
                given[job.job_id] = (row.id, job)
        moved = await self._adopt(list(given.values())) | await self._put_off(waits)
        known = {row: f"job {job.job_id} exists already" for row, job in given.values()}
        return _Matches(waits | known, moved)

    async def _adopt(self, given: Sequence[tuple[int, FoundJob]]) -> set[int]:
        if not given:
            return set()
        adopted = await self._ledger.adopt(given, self._actor)
        for one in adopted:
            so_far = self._adopted.get(one.job_type)
            self._adopted[one.job_type] = _with(one, so_far)
        return {one.id for one in adopted}

    async def _put_off(self, waits: dict[int, str]) -> set[int]:
        if not waits:
            return set()
        put = await self._ledger.put_off(waits, _CODE, _PUT_OFF, self._actor)
        self._put_off_rows += len(put)
        return put


def _with(one: Adopted, so_far: TypeAmount | None) -> TypeAmount:
    """Return what was adopted of a type so far, with one more."""
    amount = so_far or TypeAmount(one.job_type, 0, 0, Decimal(0), None)
    return TypeAmount(
        one.job_type,
        amount.rows + 1,
        amount.unknown + (one.seconds is None),
        amount.seconds + (one.seconds or Decimal(0)),
        None,
    )
