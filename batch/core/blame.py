"""Whether a refusal that names the account is about the whole account or one media alone.

The first time a row meets it, nobody knows: the row goes behind all others, which show whether they
pass. When it meets the same code again, what has passed in between decides.
"""

from dataclasses import replace

from batch.core.outcome import AccountStopped, Refused

ENOUGH_PASSED = 20
"""So many others of a row's type with a job since it was refused, and the refusal is its own."""

PUT_OFF_SECONDS = 600.0
"""Longer than a run waits for a row at its end, and short enough for the same night."""


def blame(
    refusal: AccountStopped, passed: int | None, *, is_type_served: bool
) -> AccountStopped | Refused:
    """Return what ``refusal`` is to its row.

    ``passed`` others of its type were given a job since the same code refused it first, counted up
    to :data:`ENOUGH_PASSED`; ``None`` when it never did. ``is_type_served`` says that this run was
    given a job of its type at all. With enough it is the row's own; with some the account works,
    and the row comes again later; with none the account is refused.
    """
    if passed is None:
        return refusal
    if passed >= ENOUGH_PASSED:
        since = f"since it was refused so before, {passed} others of its type passed"
        message = f"{refusal.message} ({since})".strip()
        return Refused(refusal.code, message, refusal.request_id, refusal.http_status)
    if passed or is_type_served:
        return replace(refusal, put_off_seconds=PUT_OFF_SECONDS)
    return replace(refusal, met_it_again=True)
