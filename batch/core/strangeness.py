"""What an answer says that no document of ours knows: words, statuses, shapes."""

from collections.abc import Iterator

from batch.core.classify import code_of, named_job_ids, read_object, unknown_types
from batch.core.codes import Meaning, meaning_of
from batch.core.outcome import Answer

_KNOWN_STATUSES = frozenset({200, 400, 403, 404, 408, 414, 429, 500, 502, 503, 504})
"""Statuses of ``vod-api.md`` 5.2, and what a proxy on the way says."""


def strange_words(answer: Answer, *, makes_jobs: bool) -> Iterator[tuple[str, str]]:
    """Yield each unknown word of ``answer`` with its field, secrets hidden.

    ``makes_jobs`` for an answer that should name the jobs it made.
    """
    body = read_object(answer.body)
    if answer.http_status not in _KNOWN_STATUSES:
        yield "HTTP status", str(answer.http_status)
    if body is None:
        if answer.http_status < 500:
            yield "body", f"HTTP {answer.http_status} without the JSON of this API"
        return
    names_jobs = makes_jobs and bool(named_job_ids(answer.body))
    is_error = not answer.is_success or (makes_jobs and not names_jobs)
    if is_error and (code := code_of(body)) and meaning_of(code) is Meaning.UNKNOWN:
        yield "Code", answer.hide(code)
    if makes_jobs and answer.is_success:
        if not names_jobs:
            yield "body", f"HTTP {answer.http_status} without an AIJob entry"
        for word in unknown_types(body):
            yield "Type", answer.hide(word)
