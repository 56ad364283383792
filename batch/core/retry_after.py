"""How long an answer asks us to wait, in two headers of two units."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from batch.core.outcome import Answer


def asked_wait(answer: Answer) -> float | None:
    """Return the seconds that ``answer`` asks to wait, unbounded; None when it does not ask."""
    return retry_after_seconds(answer.retry_after) or _retry_later_seconds(
        answer.retry_later, answer.date
    )


def retry_after_seconds(header: str | None) -> float | None:
    """Read ``x-acs-retry-after``: a positive integer of milliseconds, as the official SDK uses it.

    The unit is not documented (``vod-api.md`` 5.3). Returns seconds; None for anything else.
    """
    number = _whole_number(header)
    return number / 1000 if number else None


def _retry_later_seconds(header: str | None, date: str | None) -> float | None:
    """Read ``Retry-After`` (RFC 9110): seconds, or a date, which counts from the answer's own."""
    if (number := _whole_number(header)) is not None:
        return float(number) or None
    later, now = _moment(header), _moment(date)
    if later is None or now is None:
        return None
    return max(0.0, (later - now).total_seconds()) or None


def _whole_number(header: str | None) -> int | None:
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None


def _moment(header: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header or "")
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
