"""The job book: every job made, how it goes on, and what it costs."""

import random
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from batch.emulator.calls import Call
from batch.emulator.clock import Clock, iso_microseconds
from batch.emulator.settings import JobSettings, MediaSettings

JobStatus = Literal["init", "processing", "success", "fail"]
_SECONDS_PER_MINUTE = 60


@dataclass(slots=True)
class Job:
    """One job of one media and type. Times: ``created_wall`` since 1970, the rest monotonic, s."""

    job_id: str
    media_id: str
    type: str
    created_wall: float
    created: float
    fails: bool
    user_data: str | None
    config: str | None
    nonce: str
    request_id: str
    account: str
    access_key_id: str


class JobBook:
    """All jobs, found by id and by media; their state is a function of the clock."""

    def __init__(
        self, jobs: JobSettings, media: MediaSettings, clock: Clock, dice: random.Random
    ) -> None:
        self._settings = jobs
        self._media = media
        self._clock = clock
        self._dice = dice
        self._failing = frozenset(jobs.failing_media)
        self._by_id: dict[str, Job] = {}
        self._by_media: dict[str, list[Job]] = {}
        self._repeated: dict[tuple[str, str], int] = {}

    def make(self, call: Call, account: str, media_id: str, job_type: str) -> Job:
        """Start a job for ``call``; this is the moment that may cost money."""
        job = Job(
            job_id=f"{self._dice.getrandbits(128):032x}",
            media_id=media_id,
            type=job_type,
            created_wall=self._clock.wall(),
            created=self._clock.monotonic(),
            fails=self._will_fail(media_id),
            user_data=call.parameters.get("UserData"),
            config=call.parameters.get("Config"),
            nonce=call.nonce,
            request_id=call.request_id,
            account=account,
            access_key_id=call.access_key_id,
        )
        self._by_id[job.job_id] = job
        self._file_under_media(job)
        return job

    def get(self, job_id: str, account: str) -> Job | None:
        """Return the account's job with that id."""
        job = self._by_id.get(job_id)
        return job if job is not None and job.account == account else None

    def unfinished(self, media_id: str, job_type: str, account: str) -> Job | None:
        """Return the account's latest job of that media and type that has not ended."""
        for job in reversed(self._by_media.get(media_id, ())):
            if job.type == job_type and job.account == account and not self.has_ended(job):
                return job
        return None

    def status(self, job: Job) -> JobStatus:
        """Return where ``job`` stands now (``vod-api.md`` 2.1)."""
        if self.has_ended(job):
            return "fail" if job.fails else "success"
        age = self._clock.monotonic() - job.created
        return "processing" if age >= self._settings.processing_after_seconds else "init"

    def has_ended(self, job: Job) -> bool:
        """Say whether ``job`` is over, one way or the other."""
        return self._clock.monotonic() - job.created >= self._settings.finished_after_seconds

    def completed_wall(self, job: Job) -> float:
        """Return when ``job`` ends or ended, in seconds since 1970."""
        return job.created_wall + self._settings.finished_after_seconds

    def media_seconds(self, media_id: str) -> float:
        """Return the length of a media in seconds, the same at every call."""
        if self._media.duration_range is None:
            return self._media.duration_seconds
        low, high = self._media.duration_range
        share: float = zlib.crc32(media_id.encode(errors="replace")) / 0xFFFFFFFF
        return round(low + share * (high - low), 3)

    def seconds_charged(self, job: Job) -> float:
        """Return what ``job`` is charged for: only success counts (``vod-api.md`` 1.6)."""
        return self.media_seconds(job.media_id) if self.status(job) == "success" else 0.0

    def account_for(self) -> dict[str, Any]:
        """Return the meter's part about jobs: how many, of what, and what they cost."""
        per_type: Counter[str] = Counter()
        seconds: dict[str, float] = {}
        for job in self._by_id.values():
            per_type[job.type] += 1
            seconds[job.type] = seconds.get(job.type, 0.0) + self.seconds_charged(job)
        # Seconds are summed per type, then whole minutes are billed; the remainder is free (1.6).
        minutes = {name: int(total // _SECONDS_PER_MINUTE) for name, total in seconds.items()}
        return {
            "jobs": len(self._by_id),
            "jobs_per_type": dict(per_type),
            "media_types_with_more_than_one_job": {
                "count": len(self._repeated),
                "list": [
                    {"media_id": media_id, "type": job_type, "jobs": count}
                    for (media_id, job_type), count in list(self._repeated.items())[:100]
                ],
            },
            "charged_seconds": seconds,
            "charged_minutes": {**minutes, "total": sum(minutes.values())},
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one plain object a job, oldest first, for comparing with a client's ledger."""
        for job in list(self._by_id.values()):
            yield {
                "job_id": job.job_id,
                "media_id": job.media_id,
                "type": job.type,
                "status": self.status(job),
                "created_at": iso_microseconds(job.created_wall),
                "user_data": job.user_data,
                "config": job.config,
                "nonce": job.nonce,
                "request_id": job.request_id,
                "account": job.account,
                "access_key_id": job.access_key_id,
                "seconds_charged": self.seconds_charged(job),
            }

    def clear(self) -> None:
        """Forget all jobs."""
        self._by_id.clear()
        self._by_media.clear()
        self._repeated.clear()

    def _will_fail(self, media_id: str) -> bool:
        ratio = self._settings.fail_ratio
        return media_id in self._failing or (ratio > 0 and self._dice.random() < ratio)

    def _file_under_media(self, job: Job) -> None:
        jobs = self._by_media.setdefault(job.media_id, [])
        jobs.append(job)
        if len(jobs) > 1:
            same_type = sum(1 for other in jobs if other.type == job.type)
            if same_type > 1:
                self._repeated[job.media_id, job.type] = same_type
