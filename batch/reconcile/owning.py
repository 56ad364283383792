"""Whose job is it: before a JobId is adopted or disowned, the cloud is asked about it, for free."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from aiolimiter import AsyncLimiter

from batch.core.doubt import MANUAL
from batch.core.models import JobType
from batch.errors import UnavailableError, UsageError
from batch.ledger.doubts import OpenDoubt
from batch.ledger.owners import Owned
from batch.vod.client import VodClient
from batch.vod.wire import MAX_JOB_IDS, JobPage, JobStatus, QueryFailed


class Ownership(Enum):
    """What the cloud's word on a JobId means for a submission."""

    MAY_BE_ITS = auto()
    """The cloud knows the job, and says nothing against it."""
    ANOTHERS = auto()
    """The cloud says that it is of another media, or of another type."""
    UNKNOWN = auto()
    """The cloud says that there is no such job."""
    NOT_MENTIONED = auto()
    """The cloud could not be asked, or did not speak of it: that proves nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the cloud said of a JobId, to be read by a person."""

    job_id: str
    ownership: Ownership
    words: str


async def ask(client: VodClient, pace: AsyncLimiter, owned: Sequence[Owned]) -> list[Said]:
    """Ask about each submission's JobId, ten a call; a call that fails leaves its ten untold."""
    said: list[Said] = []
    for start in range(0, len(owned), MAX_JOB_IDS):
        page = owned[start : start + MAX_JOB_IDS]
        await pace.acquire()
        try:
            answer = await client.list_ai_jobs([one.job_id for one in page])
        except QueryFailed as error:
            words = f"the cloud cannot be asked: {error}"
            said += [Said(one.job_id, Ownership.NOT_MENTIONED, words) for one in page]
        else:
            said += [_read(one, answer) for one in page]
    return said


def _read(owned: Owned, answer: JobPage) -> Said:
    job_id = owned.job_id
    for job in answer.jobs:
        if job.job_id == job_id:
            return _compare(owned, job)
    if job_id in answer.unknown_ids:
        return Said(job_id, Ownership.UNKNOWN, "ListAIJob does not know this JobId")
    return Said(job_id, Ownership.NOT_MENTIONED, "ListAIJob does not speak of this JobId")


def _compare(owned: Owned, job: JobStatus) -> Said:
    answer = f"ListAIJob: {job.type or 'no type'} of media {job.media_id or 'not named'}"
    is_other_media = job.media_id is not None and job.media_id != owned.media_id
    # A word that we do not know may mean this type too, and one text had a list of types.
    names = [name.strip() for name in (job.type or "").split(",")]
    is_other_type = set(names) <= set(JobType) and owned.job_type not in names
    ownership = Ownership.ANOTHERS if is_other_media or is_other_type else Ownership.MAY_BE_ITS
    return Said(job.job_id, ownership, f"{answer}, {job.status.value}")


async def check_adoption(
    client: VodClient, pace: AsyncLimiter, doubt: OpenDoubt, job_id: str, *, force: bool
) -> list[str]:
    """Ask the cloud whether ``doubt`` may adopt a job; return what to show before the question.

    ``force`` adopts a job that the cloud does not know, or could not be asked about: if its id was
    mistyped, nobody sees the real one end. What is another's stays so.

    Raises:
        UsageError: the cloud does not know the job, or says that it is another's.
        UnavailableError: the cloud did not speak of it.
    """
    owned = Owned(doubt.id, doubt.media_id, doubt.job_type, doubt.campaign, job_id)
    [said] = await ask(client, pace, [owned])
    refusal = f"job {job_id} is not adopted: {said.words}"
    match said.ownership:
        case Ownership.ANOTHERS:
            raise UsageError(f"{refusal}; asked for was {doubt.job_type} of {doubt.media_id}")
        case Ownership.UNKNOWN if not force:
            raise UsageError(
                f"{refusal}; check the id. --force adopts it all the same: then nobody sees it end"
            )
        case Ownership.NOT_MENTIONED if not force:
            raise UnavailableError(
                f"{refusal}; try again. --force adopts it unseen: if it is wrong, its job is lost"
            )
        case Ownership.MAY_BE_ITS:
            return [f"  job {job_id}: {said.words}", *await _caution(client, pace, job_id)]
        case _:
            return [f"  job {job_id}: {said.words}; adopted by force"]


async def _caution(client: VodClient, pace: AsyncLimiter, job_id: str) -> list[str]:
    """Say when the cloud made the job by itself, or does not say what made it."""
    await pace.acquire()
    try:
        detail = await client.job_detail(job_id)
    except QueryFailed as error:
        return [f"  caution  what made the job cannot be asked: {error}"]
    if detail.trigger == MANUAL:
        return []
    return ["  caution  the cloud does not call this job manual: an upload may have made it"]


def disowned(
    owned: Sequence[Owned], said: Sequence[Said], *, force: bool
) -> list[tuple[Owned, str]]:
    """Return the submissions whose JobId is not theirs by the cloud's word, each with the reason.

    A job that the cloud knows, and says nothing against, stays its submission's. ``force`` disowns
    what the cloud could not be asked about, too.

    Raises:
        UsageError: the cloud knows every one of them.
        UnavailableError: the cloud did not speak of one, and knows the others.
    """
    leaving = {Ownership.UNKNOWN, Ownership.ANOTHERS, *([Ownership.NOT_MENTIONED] if force else [])}
    chosen = [
        (one, f"an operator disowned job {one.job_id}: {word.words}")
        for one, word in zip(owned, said, strict=True)
        if word.ownership in leaving
    ]
    if chosen:
        return chosen
    if any(word.ownership is Ownership.NOT_MENTIONED for word in said):
        raise UnavailableError(
            f"nothing is disowned: {said[0].words}; try again, or disown it unseen with --force"
        )
    raise UsageError("nothing is disowned: the cloud knows the job, and it may be the submission's")
