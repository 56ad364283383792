"""The rules that choose an outcome: what one answer of the cloud proves.

An answer is believed only when it proves something. A refusal that is documented proves that no job
exists; an answer that may come from a proxy, whose body is not the expected one, or whose words are
unknown, proves nothing.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from batch.core.codes import Meaning, in_family, meaning_of, stop_cause
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
from batch.core.patience import asked_pause
from batch.core.request_line import LONGEST_LINE

MESSAGE_LIMIT = 500
"""Longest echoed message, in characters."""

_CODE_LIMIT = 128
_REQUEST_ID_LIMIT = 64
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMED_JOB_IDS = re.compile(
    r"job[_-]?ids?[\"']?\s{0,99}[:=>][\s\[{\"']{0,99}([^\s\"'<>,;\[\]{}]{1,64})", re.IGNORECASE
)
"""Whatever is in the place of a JobId, in JSON, in JSON within a text, in XML, in a sentence."""

_SAID_CODES = re.compile(rb'"(?:error)?_?code"\s*:\s*"([^"]*)"', re.IGNORECASE)
"""Of a key that is there twice JSON keeps the last; in another case it is another key."""

_NO_JOB_IDS = frozenset({"null", "none", "undefined", "false", "true"})
_JOB_TYPES = {job_type.value: job_type for job_type in JobType}
_FIRST_SENTENCE = re.compile(r"[.:;](?:\s|$)|\s[Ss]erver")
_TROUBLED_STATUSES = frozenset({408, 499})
"""Below 500, and yet the server's own trouble: it gave up, or saw us give up."""

_TOO_MANY_REQUESTS = 429

_TOO_LONG_STATUSES = frozenset({413, 414, 431})
"""The server that read the request found it too long, and did not pass it on (RFC 9110, 15.5;
RFC 6585, 5). Gateways and proxies say so in a page of their own."""

REQUEST_TOO_LONG = "RequestTooLong"
"""Our own code for one of them that comes without a code."""


def classify(answer: Answer, media_id: str, asked: Collection[JobType]) -> Outcome:
    """Say what ``answer`` proves about the submit of ``asked`` types for ``media_id``.

    Never raises, whatever the bytes are. A partial list is :class:`Accepted` with the entries
    there are.
    """
    outcome = _outcome(answer, media_id, asked)
    if isinstance(outcome, InDoubt):
        return replace(outcome, job_ids=named_job_ids(answer.body))
    return outcome


def _outcome(answer: Answer, media_id: str, asked: Collection[JobType]) -> Outcome:
    if not answer.is_success:
        return classify_error(answer)
    body = read_object(answer.body)
    if body is None:
        return InDoubt("a success whose body is not a JSON object", answer.http_status)
    return _read_jobs(answer, body, media_id, asked)


def classify_error(answer: Answer) -> Throttled | Refused | InDoubt | AccountStopped:
    """Say what an ``answer`` without success proves, for any action (``vod-api.md`` 5).

    What is asked, in this order: does it name the server's own trouble (then it is in doubt),
    the rate, a refusal, the request's length. Headers and 429 slow the pace, and prove
    nothing about the request.
    """
    body = read_object(answer.body) or {}
    status = answer.http_status
    code = code_of(body)
    meaning = meaning_of(code) if code else Meaning.UNKNOWN
    shown_code = _shown(answer, code, _CODE_LIMIT) or ""
    message = _shown(answer, body.get("Message"), MESSAGE_LIMIT) or ""
    request_id = _request_id(answer, body)
    pause = asked_pause(answer)
    slows = pause is not None or status == _TOO_MANY_REQUESTS
    is_refusal = 400 <= status < 500 and status not in _TROUBLED_STATUSES

    if reason := _trouble(answer, meaning):
        return InDoubt(
            reason, status, shown_code or None, message or None, request_id, pause, slows
        )
    if meaning is Meaning.THROTTLED and (is_refusal or _is_documented_503(status, code)):
        return Throttled(shown_code, message, request_id, status, pause)
    if is_refusal and meaning is Meaning.ACCOUNT and (cause := stop_cause(code)):
        safe = _safe_message(message, cause)
        return AccountStopped(shown_code, safe, request_id, status, cause, pause, slows)
    if is_refusal and meaning is Meaning.REFUSED:
        return Refused(shown_code, message, request_id, status, True, pause, slows)
    if status in _TOO_LONG_STATUSES and not slows:
        return _too_long(answer, shown_code, message, request_id)
    if is_refusal and code and not slows:
        return Refused(shown_code, message, request_id, status, is_certain=False)
    reason = _doubt_reason(status, code)
    return InDoubt(reason, status, shown_code or None, message or None, request_id, pause, slows)


def _too_long(answer: Answer, shown_code: str, message: str, request_id: str | None) -> Refused:
    """Say whose fault it is that a request was found too long.

    Where it is longer than what every server has room for, it is the row's own, and no job exists.
    A shorter one may have met a proxy that calls all of them so: that proves nothing.
    """
    status, asked = answer.http_status, answer.asked_bytes
    reason = f"HTTP {status}: the request was called too long; its line has {asked:,} bytes"
    is_certain = asked > LONGEST_LINE
    return Refused(
        shown_code or REQUEST_TOO_LONG, message or reason, request_id, status, is_certain
    )


def read_object(body: bytes) -> dict[str, object] | None:
    """Read ``body`` as one JSON object; None for anything else. Never raises."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def code_of(body: dict[str, object]) -> str:
    """Return the error code that a body names, or an empty text."""
    code = body.get("Code")
    return code.strip() if isinstance(code, str) else ""


def _trouble(answer: Answer, meaning: Meaning) -> str | None:
    """Say why the request may have been carried out although the answer is an error."""
    if meaning is Meaning.SEEN_BEFORE:
        return "the gateway has seen this signed request before"
    if meaning is Meaning.TROUBLE:
        return "the server speaks of its own trouble: the request may have been carried out"
    if answer.http_status in _TROUBLED_STATUSES:
        return f"HTTP {answer.http_status}: the request may have been carried out"
    if named_job_ids(answer.body):
        return "an error that names jobs"
    if len({code.lower() for code in _SAID_CODES.findall(answer.body)}) > 1:
        return "an error that names several codes"
    return None


def _is_documented_503(status: int, code: str) -> bool:
    """``Throttling`` is documented as a 503 too (``vod-api.md`` 2.7): refused before execution."""
    return status == 503 and in_family(code, "throttling")


def _doubt_reason(status: int, code: str) -> str:
    if status < 400:
        return f"HTTP {status} is not an answer of this API"
    if status >= 500:
        return f"HTTP {status}: the request may have been carried out"
    if code:
        return f"HTTP {status} that asks for a slower pace, with a code that nobody knows"
    return f"HTTP {status} without an error code: perhaps a proxy's answer, not the API's"


def _safe_message(message: str, cause: StopCause) -> str:
    """Keep the first sentence where the gateway goes on to echo what was signed.

    ``SignatureDoesNotMatch`` repeats the signed headers, the STS token among them.
    """
    if cause is not StopCause.CREDENTIALS:
        return message
    return _FIRST_SENTENCE.split(message, maxsplit=1)[0]


def _shown(answer: Answer, value: object, limit: int) -> str | None:
    """Return a text of the answer as it may be kept; what is hidden goes before what is cut."""
    return _text(answer.hide(value), limit) if isinstance(value, str) else None


def _text(value: object, limit: int) -> str | None:
    """Return ``value`` as at most ``limit`` characters that any terminal and database can hold."""
    if not isinstance(value, str):
        return None
    text = value[:limit]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def _request_id(answer: Answer, body: dict[str, object]) -> str | None:
    return _shown(answer, body.get("RequestId"), _REQUEST_ID_LIMIT) or None


def _read_jobs(
    answer: Answer, body: dict[str, object], media_id: str, asked: Collection[JobType]
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
    # A receipt of another look than a JobId's is one too.
    unplaced += [job_id for job_id in named_job_ids(answer.body) if job_id not in seen]
    request_id = _request_id(answer, body)
    if not placed:
        return InDoubt(
            "a success without the expected AIJob entry",
            answer.http_status,
            _shown(answer, code_of(body), _CODE_LIMIT) or None,
            _shown(answer, body.get("Message"), MESSAGE_LIMIT) or None,
            request_id,
        )
    return Accepted(
        request_id, tuple(placed.values()), tuple(extra), tuple(unplaced), answer.http_status
    )


def _entries(body: dict[str, object]) -> list[dict[str, object]]:
    wrapper = body.get("AIJobList")
    entries = wrapper.get("AIJob") if isinstance(wrapper, dict) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def unknown_types(body: dict[str, object]) -> Iterator[str]:
    """Yield the types of ``AIJobList.AIJob`` that are none of ours."""
    for entry in _entries(body):
        named = entry.get("Type")
        if not (isinstance(named, str) and named in _JOB_TYPES):
            yield repr(named) if not isinstance(named, str) else named


def named_job_ids(body: bytes) -> tuple[str, ...]:
    """Return the JobIds that ``body`` names, whatever it is: cut short, XML, HTML, another shape.

    How a JobId looks is documented nowhere (``vod-api.md`` 9): each printable word in the
    place of one counts, a number too.
    """
    text = body.decode(json.detect_encoding(body), "replace").replace("\\", "")
    found = _NAMED_JOB_IDS.findall(text)
    return tuple(sorted({word for word in found if _is_receipt(word)}))


def _is_receipt(word: str) -> bool:
    return word.isprintable() and word.isascii() and word.casefold() not in _NO_JOB_IDS
