"""The rules that choose an outcome: what one answer of the cloud proves.

An answer is believed only when it proves something. A refusal the gateway documents proves that no
job exists; an answer that may come from a proxy, or whose body is not the expected one, proves
nothing, and the submission is in doubt.
"""

import json
import re
from collections.abc import Collection
from dataclasses import replace

from batch.core.models import JobType
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    Answer,
    InDoubt,
    Job,
    Outcome,
    Refused,
    StopCause,
    Throttled,
)

MESSAGE_LIMIT = 500
"""Longest echoed message, in characters."""

_CODE_LIMIT = 128
_REQUEST_ID_LIMIT = 64
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMED_JOB_ID = re.compile(r'"JobId"\s*:\s*"([^"]*)"')
_JOB_TYPES = {job_type.value: job_type for job_type in JobType}
_FIRST_SENTENCE = re.compile(r"[.:;](?:\s|$)|\s[Ss]erver")


def classify(answer: Answer, media_id: str, asked: Collection[JobType]) -> Outcome:
    """Say what ``answer`` proves about the submit of ``asked`` types for ``media_id``.

    Never raises, whatever the bytes are. A partial list is :class:`Accepted` with the entries
    there are; see :func:`missing_types`.
    """
    outcome = _outcome(answer, media_id, asked)
    if isinstance(outcome, InDoubt):
        return replace(outcome, job_ids=named_job_ids(answer.body))
    return outcome


def _outcome(answer: Answer, media_id: str, asked: Collection[JobType]) -> Outcome:
    if answer.http_status != 200:
        return classify_error(answer)
    body = read_object(answer.body)
    if body is None:
        return InDoubt("a 200 whose body is not a JSON object", 200)
    return _read_jobs(body, media_id, asked)


def missing_types(accepted: Accepted, asked: Collection[JobType]) -> tuple[JobType, ...]:
    """Return the asked types that ``accepted`` holds no job for: they are in doubt."""
    held = {job.type for job in accepted.jobs}
    return tuple(job_type for job_type in asked if job_type not in held)


def classify_error(answer: Answer) -> Throttled | Refused | InDoubt | AccountStopped:
    """Say what an ``answer`` other than 200 proves, for any action (``vod-api.md`` 5).

    Throttling wins over every other code, as in the SDK; a nonce that was seen before proves that
    an earlier copy of this request arrived, so it is in doubt and not a refusal.
    """
    body = read_object(answer.body) or {}
    status = answer.http_status
    code = (_text(body.get("Code"), _CODE_LIMIT) or "").strip()
    message = _text(body.get("Message"), MESSAGE_LIMIT) or ""
    request_id = _request_id(body)
    retry_after = retry_after_seconds(answer.retry_after)
    folded = code.lower()
    is_refusal = 400 <= status < 500

    if _in_family(folded, "signaturenonceused"):
        reason = "the gateway has seen this signed request before"
        return InDoubt(reason, status, code, message, request_id, retry_after)
    if _is_throttling(folded, status, retry_after):
        return Throttled(code, message, request_id, status, retry_after)
    if not (is_refusal and code):
        reason = _doubt_reason(status)
        return InDoubt(reason, status, code or None, message or None, request_id, retry_after)
    if (cause := stop_cause(code)) is not None:
        return AccountStopped(code, _safe_message(message, cause), request_id, status, cause)
    return Refused(code, message, request_id, status)


_STOPPING_FAMILIES = {
    "nopermission": StopCause.PERMISSION,
    "forbidden.ram": StopCause.PERMISSION,
    "operationdenied.suspended": StopCause.ARREARS,
    "invalidaccesskeyid": StopCause.CREDENTIALS,
    "signaturedoesnotmatch": StopCause.CREDENTIALS,
    "invalidsecuritytoken": StopCause.CREDENTIALS,
    "incompletesignature": StopCause.CREDENTIALS,
    "missingsecuritytoken": StopCause.CREDENTIALS,
    "missingaccesskeyid": StopCause.CREDENTIALS,
    "invalidtimestamp": StopCause.CLOCK,
    "invalidapi.notfound": StopCause.ENDPOINT,
    "invalidaction": StopCause.ENDPOINT,
    "invalidversion": StopCause.ENDPOINT,
    "unsupportedhttpmethod": StopCause.ENDPOINT,
    "invalidsignaturemethod": StopCause.ENDPOINT,
}
"""Codes (with everything under them, ``X.*``) that stop the account (``vod-api.md`` 5.2)."""

_STOPPING_EXACTLY = {
    # Forbidden.IllegalStatus and the like speak of one media, so the bare words only.
    "operationdenied": StopCause.NOT_ACTIVE,
    "forbidden": StopCause.PERMISSION,
}


def stop_cause(code: str) -> StopCause | None:
    """Return why ``code`` (any case) stops the whole account; None when it does not."""
    folded = code.lower()
    if (cause := _STOPPING_EXACTLY.get(folded)) is not None:
        return cause
    return next(
        (cause for family, cause in _STOPPING_FAMILIES.items() if _in_family(folded, family)),
        None,
    )


def retry_after_seconds(header: str | None) -> float | None:
    """Read ``x-acs-retry-after``: a positive integer of milliseconds, as the official SDK uses it.

    The unit is not documented (``vod-api.md`` 5.3). Returns seconds; None for anything else.
    """
    text = (header or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        return None
    return int(text) / 1000 or None


def read_object(body: bytes) -> dict[str, object] | None:
    """Read ``body`` as one JSON object; None for anything else. Never raises."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _in_family(folded: str, family: str) -> bool:
    return folded == family or folded.startswith(family + ".")


def _is_throttling(folded: str, status: int, retry_after: float | None) -> bool:
    if not 400 <= status < 600:
        return False
    return folded.startswith("throttling") or (status < 500 and retry_after is not None)


def _doubt_reason(status: int) -> str:
    if status < 400:
        return f"HTTP {status} is not an answer of this API"
    if status < 500:
        return f"HTTP {status} without an error code: perhaps a proxy's answer, not the API's"
    return f"HTTP {status}: the request may have been carried out"


def _safe_message(message: str, cause: StopCause) -> str:
    """Keep the first sentence where the gateway goes on to echo what was signed.

    ``SignatureDoesNotMatch`` repeats the signed headers, the STS token among them.
    """
    if cause is not StopCause.CREDENTIALS:
        return message
    return _FIRST_SENTENCE.split(message, maxsplit=1)[0]


def _text(value: object, limit: int) -> str | None:
    """Return ``value`` as at most ``limit`` characters that any terminal and database can hold."""
    if not isinstance(value, str):
        return None
    text = value[:limit]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def _request_id(body: dict[str, object]) -> str | None:
    return _text(body.get("RequestId"), _REQUEST_ID_LIMIT) or None


def _read_jobs(
    body: dict[str, object], media_id: str, asked: Collection[JobType]
) -> Accepted | InDoubt:
    """Read ``AIJobList.AIJob`` (``vod-api.md`` 1.2): extra keys pass, wrong types never raise."""
    placed: dict[JobType, Job] = {}
    extra: list[Job] = []
    unplaced: list[str] = []
    seen: set[str] = set()
    for entry in _entries(body):
        job_id = entry.get("JobId")
        if not (isinstance(job_id, str) and _JOB_ID.fullmatch(job_id)):
            continue
        named = entry.get("Type")
        job_type = _JOB_TYPES.get(named) if isinstance(named, str) else None
        if job_id in seen:
            # One job for two types, or a mistake: not documented, so the other type is in doubt.
            if job_type in asked and job_type is not None and job_type not in placed:
                extra.append(Job(job_type, job_id))
            continue
        seen.add(job_id)
        if job_type is None:
            unplaced.append(job_id)
        elif (
            job_type in asked
            and job_type not in placed
            and entry.get("MediaId") in (None, media_id)
        ):
            placed[job_type] = Job(job_type, job_id)
        else:
            extra.append(Job(job_type, job_id))
    request_id = _request_id(body)
    if not placed:
        return InDoubt("a 200 without the expected AIJob entry", 200, request_id=request_id)
    return Accepted(request_id, tuple(placed.values()), tuple(extra), tuple(unplaced))


def _entries(body: dict[str, object]) -> list[dict[str, object]]:
    wrapper = body.get("AIJobList")
    entries = wrapper.get("AIJob") if isinstance(wrapper, dict) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def named_job_ids(body: bytes) -> tuple[str, ...]:
    """Return the JobIds that ``body`` names, whatever it is: cut short, HTML, another shape."""
    found = _NAMED_JOB_ID.findall(body.decode("utf-8", "replace"))
    return tuple(sorted({job_id for job_id in found if _JOB_ID.fullmatch(job_id)}))
