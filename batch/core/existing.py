"""A job that the cloud has made already may be the one that a submission asks for.

Where DNA is active every upload gets an automatic job (``vod-api.md`` 1.7), charged like any other.
It is taken for ours only where everything is known and the same: type, end and configuration.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from batch.core.configuration import config_key
from batch.core.models import JobType

USUAL_CAMPAIGN = "default"
"""Any other campaign means: submit again, on purpose."""


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A job that a look showed, of a type that we know; the time is the cloud's, UTC.

    One that ``is_open`` has not ended, any other has succeeded. ``config`` is the JSON text that
    the cloud names for it, ``None`` for none.
    """

    job_id: str
    media_id: str
    job_type: JobType
    is_open: bool
    config: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ExistingSummary:
    """The result of looking for existing jobs: media looked at, submissions that were given a job.

    ``saved`` is what those would have cost, in ``currency``: by the media's own length where it is
    known, else by the mean of the others; ``None`` while there is no price or no length.
    ``put_off`` counts submissions whose job still runs or whose media could not be looked at,
    ``failed`` media that could not be. ``gave_up`` says why no more looks were taken.
    """

    currency: str
    looked_at: int = 0
    adopted: int = 0
    put_off: int = 0
    failed: int = 0
    saved: Decimal | None = None
    gave_up: str | None = None


def choose(job_type: JobType, config: str | None, jobs: Iterable[FoundJob]) -> FoundJob | None:
    """Return the job of a media that spares a submission of ``job_type`` under ``config``.

    The newest that succeeded; else the newest that has not ended and may; else ``None``.
    """
    same = [
        job
        for job in jobs
        if job.job_type is job_type and is_same_config(job_type, config, job.config)
    ]
    return max(same, key=lambda job: (not job.is_open, job.created_at, job.job_id), default=None)


def is_same_config(job_type: JobType, ours: str | None, theirs: str | None) -> bool:
    """Return whether two configurations ask ``job_type`` for the same; unreadable ones never do."""
    known = _key(job_type, ours), _key(job_type, theirs)
    return known[0] is not None and known[0] == known[1]


def _key(job_type: JobType, config: str | None) -> str | None:
    if config is None or not config.strip():
        return config_key(None, job_type)
    try:
        return config_key(config, job_type)
    except (ValueError, RecursionError, AttributeError, OverflowError):  # no object, or no JSON
        return None
