"""What is known of a doubt, in lines of text."""

from collections.abc import Iterator

from batch.core.doubt import AUTO, MANUAL
from batch.ledger.owners import Owned
from batch.reconcile.resolving import Evidence
from batch.show.text.parts import at


def owned_line(owned: Owned, words: str) -> str:
    """Show what the cloud said of a submission's JobId."""
    whose = f"{owned.media_id} {owned.job_type} (campaign {owned.campaign})"
    return f"{whose}, job {owned.job_id}: {words}"


def evidence_lines(evidence: Evidence) -> Iterator[str]:
    """Show what is known of one doubt, and what a mistake would cost."""
    doubt = evidence.doubt
    yield f"{doubt.media_id} {doubt.job_type} (campaign {doubt.campaign})"
    yield f"  sent     {at(doubt.signed_at)}, nonce {doubt.nonce}"
    yield f"  because  {doubt.message or 'its worker died before an answer'}"
    if evidence.trouble:
        yield f"  cloud    cannot be asked: {evidence.trouble}"
    elif not evidence.jobs:
        yield "  cloud    lists no job of this media"
    for job in evidence.jobs:
        when = at(job.created_at) if job.created_at else "at no known time"
        marks = [
            _TRIGGERS.get(job.trigger or "", f"Trigger {job.trigger or 'not named'}"),
            "known to the ledger" if job.is_known else "unknown to the ledger",
            "FITS" if job.fits else "may fit" if job.may_fit else "does not fit",
        ]
        yield f"  cloud    {job.job_id} {job.type or '(type not named)'} {when}: {', '.join(marks)}"
    if evidence.may_still_arrive:
        yield "  caution  the request is younger than 15 minutes: it may still arrive"
    yield (
        f"  at stake one more {doubt.job_type} of this media, charged by its minutes, if a job "
        "exists and it is sent again; a result paid for and lost, if another's job is adopted"
    )


_TRIGGERS = {MANUAL: "manual", AUTO: "automatic"}
