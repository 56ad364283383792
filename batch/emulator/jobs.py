"""The job book: every job made, and how it goes on."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from batch.emulator.bill import Bill
from batch.emulator.call import Call
from batch.emulator.clock import Clock, iso_microseconds, iso_seconds
from batch.emulator.library import MediaLibrary
from batch.emulator.settings import Settings

JobStage = Literal["reserved", "init", "processing", "analysing", "success", "fail"]
"""The words of GetJobDetail (``vod-api.md`` 2.4); ListAIJob (2.1) knows fewer."""

Trigger = Literal["Auto", "Manual"]

_SHOWN = (
    "job_id", "media_id", "type", "trigger", "user_data", "config", "nonce", "request_id",
    "account", "access_key_id",
)  # fmt: skip
_COARSE = {"reserved": "init", "analysing": "processing"}


@dataclass(slots=True)
class Job:
    """One job of one media and type.

    ``created_wall`` is in seconds since 1970, ``created`` in seconds of :meth:`Clock.played`.
    A job that no call made (an automatic one, another program's) has no request id.
    """

    job_id: str
    media_id: str
    type: str
    created_wall: float
    created: float
    fails: bool
    account: str
    trigger: Trigger = "Manual"
    user_data: str | None = None
    config: str | None = None
    nonce: str = ""
    request_id: str = ""
    access_key_id: str = ""


class JobBook:
    """All jobs, found by id and by media; their state is a function of the clock."""

    def __init__(
        self, settings: Settings, library: MediaLibrary, clock: Clock, dice: random.Random
    ) -> None:
        self._settings = settings.jobs
        self._library = library
        self._clock = clock
        self._dice = dice
        self._failing = frozenset(settings.jobs.failing_media)
        self._bill = Bill(settings.prices, settings.jobs.finished_after_seconds)
        self._by_id: dict[str, Job] = {}
        self._by_media: dict[str, list[Job]] = {}
        self._unasked: Counter[Trigger] = Counter()
        self._per_type: Counter[str] = Counter()
        self._repeated: dict[tuple[str, str], int] = {}

    def make(self, call: Call, media_id: str, job_type: str) -> Job:
        """Start a job for ``call``; this is the moment that may cost money."""
        job = self._new(media_id, job_type, call.account)
        job.user_data = call.parameters.get("UserData")
        job.config = call.parameters.get("Config")
        job.nonce = call.nonce
        job.request_id = call.request_id
        job.access_key_id = call.access_key_id
        self._file(job, now=job.created)
        return job

    def make_unasked(
        self, media_id: str, job_type: str, account: str, trigger: Trigger, age_seconds: float
    ) -> Job:
        """Put in a job that no call of a client made, as if started ``age_seconds`` ago."""
        job = self._new(media_id, job_type, account)
        now = job.created
        job.created -= age_seconds
        job.created_wall -= age_seconds
        job.trigger = trigger
        self._unasked[trigger] += 1
        self._file(job, now)
        return job

    def get(self, job_id: str, account: str) -> Job | None:
        """Return the account's job with that id."""
        job = self._by_id.get(job_id)
        return job if job is not None and job.account == account else None

    def newest(self, count: int) -> list[Job]:
        """Return the ``count`` jobs made last, the newest in front."""
        return list(islice(reversed(self._by_id.values()), count))

    def of_media(self, media_id: str, account: str) -> list[Job]:
        """Return the account's jobs of that media, those created first in front."""
        jobs = [job for job in self._by_media.get(media_id, ()) if job.account == account]
        jobs.sort(key=lambda job: job.created)  # unasked ones may be older than they look
        return jobs

    def age(self, job: Job) -> float:
        """Return seconds since the job was created."""
        return self._clock.played() - job.created

    def stage(self, job: Job) -> JobStage:
        """Return where ``job`` stands now, in the six words of ``vod-api.md`` 2.4."""
        age, settings = self.age(job), self._settings
        if age >= settings.finished_after_seconds:
            return "fail" if job.fails else "success"
        if age < settings.started_after_seconds:
            return "reserved"
        if age < settings.processing_after_seconds:
            return "init"
        analysing_after = settings.analysing_after_seconds
        return "processing" if analysing_after is None or age < analysing_after else "analysing"

    def status(self, job: Job) -> str:
        """Return where ``job`` stands now, in the four words of ``vod-api.md`` 2.1."""
        stage = self.stage(job)
        return _COARSE.get(stage, stage)

    def has_ended(self, job: Job) -> bool:
        """Say whether ``job`` is over, one way or the other."""
        return self.age(job) >= self._settings.finished_after_seconds

    def completion(self, job: Job) -> dict[str, str]:
        """Return the CompleteTime of a job that has ended, nothing for another one."""
        if not self.has_ended(job):
            return {}
        ended = job.created_wall + self._settings.finished_after_seconds
        return {"CompleteTime": iso_seconds(ended)}

    def account_for(self) -> dict[str, Any]:
        """Return the meter's part about jobs: how many, of what, and what they cost.

        Jobs that no call made count and cost like others; ``jobs_auto`` and ``jobs_other`` say how
        many they are. A media that has more than one job of a type is one that calls asked for
        more than once.
        """
        return {
            "jobs": len(self._by_id),
            "jobs_auto": self._unasked["Auto"],
            "jobs_other": self._unasked["Manual"],
            "jobs_per_type": dict(self._per_type),
            "media_types_with_more_than_one_job": {
                "count": len(self._repeated),
                "list": [
                    {"media_id": media_id, "type": job_type, "jobs": count}
                    for (media_id, job_type), count in islice(self._repeated.items(), 100)
                ],
            },
            **self._bill.describe(self._clock.played()),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one plain object a job, in the order made, for comparing with a client's ledger."""
        for job in list(self._by_id.values()):
            status = self.status(job)
            yield {name: getattr(job, name) for name in _SHOWN} | {
                "status": status,
                "created_at": iso_microseconds(job.created_wall),
                # Only success is charged (vod-api.md 1.6).
                "seconds_charged": self._library.seconds(job.media_id) * (status == "success"),
            }

    def grow_older(self, seconds: float) -> None:
        """Let every job have been made ``seconds`` earlier."""
        for job in self._by_id.values():
            job.created -= seconds
            job.created_wall -= seconds
        self.charge_anew()

    def charge_anew(self) -> None:
        """Sum up all charges again; after the clock went back, jobs may run that had ended."""
        self._bill.clear()
        now = self._clock.played()
        for job in self._by_id.values():
            self._charge(job, now)

    def clear(self) -> None:
        """Forget every job."""
        self._by_id.clear()
        self._by_media.clear()
        self._unasked.clear()
        self._per_type.clear()
        self._repeated.clear()
        self._bill.clear()

    def _new(self, media_id: str, job_type: str, account: str) -> Job:
        ratio = self._settings.fail_ratio
        return Job(
            job_id=f"{self._dice.getrandbits(128):032x}",
            media_id=media_id,
            type=job_type,
            created_wall=self._clock.wall(),
            created=self._clock.played(),
            fails=media_id in self._failing or (ratio > 0 and self._dice.random() < ratio),
            account=account,
        )

    def _file(self, job: Job, now: float) -> None:
        """Put a new job where it can be found, and count it."""
        self._by_id[job.job_id] = job
        self._per_type[job.type] += 1
        self._charge(job, now)
        jobs = self._by_media.setdefault(job.media_id, [])
        jobs.append(job)
        if len(jobs) > 1 and job.request_id:
            asked_for = sum(1 for other in jobs if other.type == job.type and other.request_id)
            if asked_for > 1:
                self._repeated[job.media_id, job.type] = asked_for

    def _charge(self, job: Job, now: float) -> None:
        seconds = 0.0 if job.fails else self._library.seconds(job.media_id)  # vod-api.md 1.6
        self._bill.expect(job.created, job.type, seconds, now)
