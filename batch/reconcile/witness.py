"""Holds the cloud's look-ups to account before their silence is taken for absence.

Whether look-ups list a type at all, how late, and by which words, is not documented (``vod-api.md``
2.2, 2.4). So the newest job that the cloud itself named must be shown as we would have to find it;
and the cloud's word, Trigger and delay must have been learnt, from a probe or from our own known
jobs, looked up here for free.
"""

from datetime import UTC, datetime, timedelta

from batch.core.doubt import DATE_WINDOW, Adopt, Candidate, Doubt, Lookup, decide
from batch.core.learnt import ENOUGH_JOBS, Learnt, TypeLearnt
from batch.core.models import JobType
from batch.ledger.doubts import Doubts, KnownJob, OpenDoubt
from batch.ledger.learnt import Lessons
from batch.look.evidence import Looker
from batch.vod.lookup import JobInfo

_FRESH = timedelta(days=1)
"""What an older job shows, or hides, says nothing of how late look-ups are."""


class Witnesses:
    """Known jobs of each type, as the look-up shows them; looked up once a round."""

    def __init__(
        self, doubts: Doubts, lessons: Lessons, looker: Looker, settle: timedelta, *, is_cloud: bool
    ) -> None:
        """Without ``is_cloud`` a look-up is believed that shows a known job, or where none is."""
        self._doubts = doubts
        self._lessons = lessons
        self._looker = looker
        self._settle = settle
        self._is_cloud = is_cloud
        self._seen: dict[JobType, Lookup | datetime] = {}
        self.learnt = Learnt()
        """What is known of the cloud."""

    async def begin_round(self) -> None:
        """Forget what the last round saw."""
        self._seen.clear()
        self.learnt = await self._lessons.read()

    async def account(self, doubt: OpenDoubt) -> Lookup:
        """Return how far a look-up that shows no job of this doubt can be believed.

        Raises QueryFailed.
        """
        job_type = doubt.job_type
        if job_type not in self._seen:
            if self._is_cloud and not self.learnt.proves_absence(job_type):
                await self._learn(job_type)
            self._seen[job_type] = await self._look_at_newest(job_type)
        seen = self._seen[job_type]
        if not isinstance(seen, datetime):
            return seen
        if not self._is_cloud:
            return Lookup.SHOWS
        # Only a job as young as any that the request can have made shows that the look-up is not
        # too late for it.
        if seen < doubt.signed_at + self._looker.skew + DATE_WINDOW:
            return Lookup.SHOWS_OLDER
        if not self.learnt.proves_absence(job_type):
            return Lookup.UNLEARNT
        delay = self.learnt.of(job_type).delay_seconds or 0.0
        is_older = doubt.age > delay + DATE_WINDOW.total_seconds()
        return Lookup.SHOWS if is_older else Lookup.HIDES

    async def _look_at_newest(self, job_type: JobType) -> Lookup | datetime:
        """Return when the newest known job was made, by the cloud, or why it is no witness."""
        newest = await self._doubts.newest_jobs(job_type, 1)
        if not newest:
            return Lookup.NOTHING_KNOWN if self._is_cloud else Lookup.SHOWS
        [known] = newest
        info = await self._find(known)
        if info is None:
            return Lookup.HIDES
        if not self._is_cloud:
            return info.created_at or known.signed_at
        [shown] = await self._looker.describe([info])
        if not self._would_be_found(job_type, known, shown.job):
            return Lookup.SHOWS_ODDLY
        assert shown.job.created_at
        return shown.job.created_at

    async def _find(self, known: KnownJob) -> JobInfo | None:
        infos = await self._looker.infos(known.media_id)
        return next((info for info in infos if info.job_id == known.job_id), None)

    def _would_be_found(self, job_type: JobType, known: KnownJob, job: Candidate) -> bool:
        """Return whether the job would settle its own request, had that been in doubt."""
        decision = decide(
            Doubt(job_type, known.signed_at, own=self.learnt.of(job_type)),
            [job],
            now=known.signed_at,
            skew=self._looker.skew,
            settle=self._settle,
            lookup=Lookup.HIDES,
        )
        return decision == Adopt(known.job_id)

    async def _learn(self, job_type: JobType) -> None:
        """Look up known jobs of a type, the newest first, and keep what they show."""
        had = self.learnt.of(job_type).jobs
        seen = Learnt()
        since = datetime.now(UTC) - _FRESH
        for known in await self._doubts.newest_jobs(job_type, ENOUGH_JOBS):
            if known.job_id not in had and known.signed_at > since:
                seen = seen | await self._lesson(job_type, known)
        if seen != Learnt():
            self.learnt = await self._lessons.add(seen)

    async def _lesson(self, job_type: JobType, known: KnownJob) -> Learnt:
        """Say what the look-up shows of one known job."""
        infos = await self._looker.infos(known.media_id)
        age = datetime.now(UTC) - known.signed_at
        listed = [info for info in infos if info.job_id == known.job_id]
        if not listed:
            return Learnt({job_type: TypeLearnt(delay_seconds=age.total_seconds())})
        [shown] = await self._looker.describe(listed)
        job = shown.job
        # What is listed after the settling time only says nothing of the delay.
        is_whole = bool(job.type and job.trigger and job.created_at) and age <= self._settle
        kind = TypeLearnt(
            words_of(job.type),
            words_of(shown.detail_word),
            words_of(job.trigger),
            frozenset({job.job_id} if is_whole else ()),
        )
        return Learnt({job_type: kind}, is_newest_first(infos))


def words_of(word: str | None) -> frozenset[str]:
    """Return a word that the cloud said as what was learnt of it; nothing teaches nothing."""
    return frozenset({word} if word else ())


def is_newest_first(infos: tuple[JobInfo, ...]) -> bool | None:
    """Return whether the newest job comes first; ``None`` where that cannot be seen."""
    times = [info.created_at for info in infos if info.created_at]
    if len(set(times)) < 2:
        return None
    return times[0] > times[-1]
