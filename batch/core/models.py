"""Values that several rooms pass to one another."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class JobType(StrEnum):
    """The paid AI job types of ``SubmitAIJob`` (``vod-api.md`` 1.1)."""

    MEDIA_DNA = "AIMediaDNA"
    VIDEO_TAG = "AIVideoTag"


SHORT_NAMES = {JobType.MEDIA_DNA: "dna", JobType.VIDEO_TAG: "tag"}
"""What people may write for a type; the cloud's own word is the other way, in any case."""

_BY_NAME = {job_type.lower(): job_type for job_type in JobType} | {
    short: job_type for job_type, short in SHORT_NAMES.items()
}


def job_type_named(name: str) -> JobType:
    """Return the type that a person means, by either of its names; never used on the cloud's words.

    Raises:
        ValueError: it is neither.
    """
    try:
        return _BY_NAME[name.strip().lower()]
    except KeyError:
        known = ", ".join([*JobType, *SHORT_NAMES.values()])
        raise ValueError(f"unknown type: {name[:80]!r} (known: {known})") from None


@dataclass(frozen=True, slots=True)
class ClaimedSubmission:
    """One submission of a claim, with the lease number that fences its later writes."""

    id: int
    lease: int
    job_type: JobType
    attempts: int
    config_key: str = ""
    """What of the claim's configuration is this type's own (:mod:`batch.core.configuration`)."""
    batch: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """One request to make: a media with every type of it that is due, its intent committed.

    ``nonce`` and ``signed_at`` (UTC, whole seconds) are part of the committed intent, so that the
    request can be signed again byte for byte; so is ``access_key_id``, where it is not signed with
    another key.
    """

    media_id: str
    config: str | None
    user_data: str | None
    nonce: str
    signed_at: datetime
    members: tuple[ClaimedSubmission, ...]
    campaign: str = "default"
    access_key_id: str | None = None

    @property
    def types(self) -> tuple[JobType, ...]:
        """The job types asked for, in the order they are sent."""
        return tuple(member.job_type for member in self.members)


@dataclass(frozen=True, slots=True)
class Target:
    """One account and region of the cloud: the holder of a quota."""

    id: int
    account: str
    region: str


WorkerId = UUID
"""Identity of one worker process: random, never a host name."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that submits, and where it runs."""

    id: WorkerId
    host: str
    pid: int
