"""Learn for the price of one job what no document says of an account's cloud (``vod-api.md`` 12.4).

The job is a submission like any other: loaded under a campaign of its own, begun, journaled, priced
and recorded by the worker's own path, and followed by ``reconcile``. What comes after it is free:
the look-ups that would have to find it, had its answer been lost. What they show is kept with the
target (:mod:`batch.core.learnt`).
"""

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from batch.core.learnt import Learnt, TypeLearnt
from batch.core.models import JobType
from batch.core.outcome import Accepted
from batch.doctor.check import Check, not_checked
from batch.errors import ExitCode, UnavailableError, UsageError
from batch.ledger.learnt import Lessons
from batch.ledger.loading import load_manifest
from batch.look.evidence import Looker, ShownJob
from batch.night.shift import Watcher, submit
from batch.reconcile.witness import is_newest_first, words_of
from batch.session import Session
from batch.submit.sending import AttemptReport
from batch.vod.lookup import JobInfo
from batch.vod.pace import limiter
from batch.vod.wire import QueryFailed

PATIENCE = timedelta(minutes=10)
"""How long the look-ups are given to show the job; later than that is learnt from other jobs."""

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_BEFORE_ALL_OTHERS = 32767
"""The highest priority: one submission is sent, and this is the first that is due."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What is to be paid for: one job of one media. ``cost`` is ``None`` where nobody knows it."""

    media_id: str
    job_type: JobType
    cost: Decimal | None
    currency: str

    @property
    def question(self) -> str:
        """What an operator is asked."""
        price = "at a cost that is not known here"
        if self.cost is not None:
            price = f"for about {self.cost:f} {self.currency}"
        return f"pay for one {self.job_type} job of {self.media_id}, {price}?"


@dataclass(frozen=True, slots=True)
class _Sent:
    """The job that was paid for, as the cloud answered; the time is that of its request (UTC)."""

    job_id: str
    signed_at: datetime


async def prepare(session: Session, media_id: str, job_type: JobType) -> Probe:
    """Look at the media before anything is asked or paid; free.

    Raises:
        UsageError: the cloud says that there is no such media.
        UnavailableError: it gives no answer.
    """
    client = await session.client()
    try:
        page = await client.video_infos([media_id])
    except QueryFailed as error:
        raise UnavailableError(f"{media_id} cannot be looked at: {error}") from error
    if media_id in page.unknown_ids:
        raise UsageError(f"the cloud knows no media {media_id}")
    seconds = next((one.seconds for one in page.media if one.media_id == media_id), None)
    prices = session.settings.price_list
    cost = prices.estimate(job_type, seconds) if seconds is not None else None
    money = None if cost is None else prices.money(cost)
    return Probe(media_id, job_type, money, prices.currency)


async def run_probe(
    session: Session, probe: Probe, *, patience: timedelta = PATIENCE
) -> AsyncIterator[Check]:
    """Pay for the job, look for it until it is shown or ``patience`` is over; yield the findings.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow a submission.
    """
    reports = await _send(session, probe)
    sent = _accepted(probe, reports)
    if sent is None:
        yield _not_accepted(probe, reports)
        return
    yield Check("probe job", f"{sent.job_id}, paid for and in the ledger")
    looker = Looker(await session.client(), limiter(session.settings.lookup_qps))
    seen = await _Search(looker, probe, sent, patience).run()
    await Lessons(session.database, session.target).add(seen.learnt)
    for check in seen.checks():
        yield check


async def _send(session: Session, probe: Probe) -> Sequence[AttemptReport]:
    """Load the media under a campaign of its own and send it, before all that is due."""
    campaign = f"probe-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    its_own: dict[str, object] = {"campaign": campaign, "priority": _BEFORE_ALL_OTHERS}
    mine = session.settings.model_copy(update=its_own)
    with tempfile.TemporaryDirectory(prefix="vod-batch-probe-") as folder:
        manifest = Path(folder) / f"{campaign}.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            rows = [("media_id", "types"), (probe.media_id, probe.job_type.value)]
            csv.writer(file).writerows(rows)
        report = await load_manifest(session.database, session.target, str(manifest), mine)
    if report.counts is None or report.counts.submissions != 1:
        raise UsageError(f"{probe.media_id} cannot be loaded as {probe.job_type} in this region")
    reports: list[AttemptReport] = []
    watcher = Watcher(attempted=reports.append)
    await submit(session, watcher, max_submissions=1)
    return [report for report in reports if report.claim.campaign == campaign]


def _accepted(probe: Probe, reports: Sequence[AttemptReport]) -> _Sent | None:
    for report in reports:
        if isinstance(report.outcome, Accepted):
            for job in report.outcome.jobs:
                if job.type == probe.job_type:
                    return _Sent(job.job_id, report.claim.signed_at)
    return None


def _not_accepted(probe: Probe, reports: Sequence[AttemptReport]) -> Check:
    fix = f"see: vod-batch why {probe.media_id}"
    if not reports:
        detail = "not sent: it is due, but the run ended before it, or a hold or a doubt is on it"
        return Check("probe job", detail, fix, ExitCode.CARRIED_OVER)
    return Check("probe job", f"no job: {reports[-1].outcome}", fix, ExitCode.DONE_WITH_DOUBTS)


class _Search:
    """Looks for a job that is known to exist, as a doubt would have to."""

    def __init__(self, looker: Looker, probe: Probe, sent: _Sent, patience: timedelta) -> None:
        self._looker = looker
        self._probe = probe
        self._sent = sent
        self._until = datetime.now(UTC) + patience

    async def run(self) -> "_Seen":
        """Look again and again, ever more rarely, until it is listed or time is up."""
        hidden_at: timedelta | None = None
        wait = _FIRST_WAIT_SECONDS
        trouble = ""
        while True:
            age = datetime.now(UTC) - self._sent.signed_at
            try:
                infos = await self._looker.infos(self._probe.media_id)
                if listed := [one for one in infos if one.job_id == self._sent.job_id]:
                    [shown] = await self._looker.describe(listed)
                    return _Seen(self._probe, infos, shown, hidden_at, age)
                hidden_at, trouble = age, ""
            except QueryFailed as error:
                trouble = str(error)
            if datetime.now(UTC) + timedelta(seconds=wait) > self._until:
                return _Seen(self._probe, (), None, hidden_at, age, trouble)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the look-ups showed of the job: ``shown`` is ``None`` where none ever listed it.

    ``hidden_at`` is its age at the last look that did not list it, ``age`` at the last look of all.
    """

    probe: Probe
    infos: tuple[JobInfo, ...]
    shown: ShownJob | None
    hidden_at: timedelta | None
    age: timedelta
    trouble: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether a doubt about this job would have found all that it needs."""
        job = self.shown.job if self.shown else None
        return bool(job and job.type and job.trigger and job.created_at)

    @property
    def learnt(self) -> Learnt:
        """What is kept: each fact that was seen, and that a probe saw them all."""
        job = self.shown.job if self.shown else None
        kind = TypeLearnt(
            words_of(job.type if job else None),
            words_of(self.shown.detail_word if self.shown else None),
            words_of(job.trigger if job else None),
            frozenset({job.job_id} if job and self.is_whole else ()),
            self.hidden_at.total_seconds() if self.hidden_at else None,
        )
        return Learnt(
            {self.probe.job_type: kind},
            is_newest_first(self.infos),
            frozenset({self.probe.job_type} if self.is_whole else ()),
            datetime.now(UTC) if self.is_whole else None,
        )

    def checks(self) -> list[Check]:
        """Return a line a fact."""
        if self.shown is None:
            seconds = self.age.total_seconds()
            why = self.trouble or f"ListJobInfo did not list it for {seconds:.0f} s"
            fix = "absence stays unproven: doubts are for a person, until look-ups show known jobs"
            return [Check("look-up", why, fix, ExitCode.UNAVAILABLE)]
        job, newest_first = self.shown.job, is_newest_first(self.infos)
        order = {None: "not seen: it is the only job", True: "newest first", False: "oldest first"}
        return [
            Check("look-up", self._delay()),
            _fact("word of ListAIJob", job.type),
            _fact("word of GetJobDetail", self.shown.detail_word),
            _fact("Trigger", job.trigger),
            _fact("CreateTime", f"{job.created_at:%H:%M:%S} UTC" if job.created_at else None),
            Check("order", order[newest_first]),
            not_checked("Extend in events", "no event is received here"),
            self._summary(),
        ]

    def _delay(self) -> str:
        if self.hidden_at is None:
            return f"ListJobInfo listed it at once, at an age of {self.age.total_seconds():.0f} s"
        return (
            f"ListJobInfo did not list it at {self.hidden_at.total_seconds():.0f} s, and did at "
            f"{self.age.total_seconds():.0f} s"
        )

    def _summary(self) -> Check:
        kind = self.probe.job_type
        if self.is_whole:
            return Check("learnt", f"kept with the target: {kind} may be settled by its look-ups")
        detail = f"kept what was seen; too little of {kind} to prove that a job does not exist"
        return Check("learnt", detail, "doubts of the type are for a person: vod-batch resolve")


def _fact(name: str, word: str | None) -> Check:
    if word:
        return Check(name, word)
    return Check(name, "the answer does not say", "so it proves nothing")
