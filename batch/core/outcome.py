"""The outcome of one ``SubmitAIJob`` request: six frozen values.

Each answer may ask for a slower pace, whatever else it says: ``slows`` is true of a 429 and of one
that says when to come back, and ``retry_after_seconds`` is that time, unbounded:
the caller caps it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from batch.core.models import JobType
from batch.errors import ExitCode


class StopCause(StrEnum):
    """Why the cloud refuses every request of this account, not this one request."""

    ARREARS = "arrears"
    NOT_ACTIVE = "not_active"
    PERMISSION = "permission"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    ENDPOINT = "endpoint"
    RISK_CONTROL = "risk_control"
    EVERY_PROBE = "every_probe"
    """A code that no document knows refused every row that was tried, from all over the lists."""


MAY_BE_ONE_ROWS = frozenset({StopCause.PERMISSION, StopCause.NOT_ACTIVE})
"""Causes that one media may be refused for while the account works: a resource that is not shared
with the key, a service that one kind of media needs. A key, a clock, a bill or an endpoint is never
one row's."""

_EXIT_CODES = {
    StopCause.ARREARS: ExitCode.UNAVAILABLE,
    StopCause.NOT_ACTIVE: ExitCode.UNAVAILABLE,
    StopCause.PERMISSION: ExitCode.PERMISSION,
    StopCause.CREDENTIALS: ExitCode.PERMISSION,
    StopCause.CLOCK: ExitCode.CONFIGURATION,
    StopCause.ENDPOINT: ExitCode.CONFIGURATION,
    StopCause.RISK_CONTROL: ExitCode.UNAVAILABLE,
    StopCause.EVERY_PROBE: ExitCode.UNAVAILABLE,
}


def exit_code_for(cause: StopCause) -> ExitCode:
    """Return the code that a run stopped by ``cause`` ends with."""
    return _EXIT_CODES[cause]


@dataclass(frozen=True, slots=True)
class Job:
    """A job the cloud made: the receipt for money to be spent."""

    type: JobType
    job_id: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The cloud made jobs. ``jobs`` holds at most one for each asked type.

    ``extra`` and ``unplaced`` are further receipts of the same answer, never dropped: a second
    entry of a type, a type that was not asked, another media; ``unplaced`` are JobIds whose type
    is none that we know.
    """

    request_id: str | None
    jobs: tuple[Job, ...]
    extra: tuple[Job, ...] = ()
    unplaced: tuple[str, ...] = ()
    http_status: int = 200


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused before execution because of the rate; the same request may go later."""

    code: str
    message: str
    request_id: str | None
    http_status: int
    retry_after_seconds: float | None
    slows: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good, for a reason that lies in this one request.

    ``is_certain`` says that the code is a documented one, so that surely no job exists. An unknown
    code proves nothing: its row is in doubt until a look-up finds its job, or that there is none.
    """

    code: str
    message: str
    request_id: str | None
    http_status: int
    is_certain: bool = True
    retry_after_seconds: float | None = None
    slows: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proven never to have left this process: no job can exist.

    ``by_choice`` when we chose not to send it, which says nothing about the cloud or the row.
    """

    reason: str
    by_choice: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The request was, or may have been, received and its outcome is unknown.

    ``job_ids`` are those that the answer names all the same: receipts, for jobs that may be ours.
    """

    reason: str
    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None
    slows: bool = False
    job_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountStopped:
    """The account, key, clock or endpoint is refused: every further request would be too.

    Where it ``may_be_one_rows``, the outcomes of the next requests decide, unless its row
    ``met_it_again`` and no other had passed in between. ``put_off_seconds`` delay a row that is
    surely refused by itself. ``is_resolved`` where another key signs from now on.
    """

    code: str
    message: str
    request_id: str | None
    http_status: int
    cause: StopCause
    retry_after_seconds: float | None = None
    slows: bool = False
    is_resolved: bool = False
    met_it_again: bool = False
    put_off_seconds: float = 0.0

    @property
    def stops_at_once(self) -> bool:
        """Whether it is surely the account's, so that nothing more need be sent."""
        return self.met_it_again or not (self.may_be_one_rows or self.is_resolved)

    @property
    def may_be_one_rows(self) -> bool:
        """Whether it may lie in this one request after all."""
        return self.cause in MAY_BE_ONE_ROWS

    @property
    def exit_code(self) -> ExitCode:
        """The code that a run stopped by this ends with."""
        return exit_code_for(self.cause)


Failure = Throttled | Refused | NotSent | InDoubt | AccountStopped
"""Every outcome that holds no job."""

Outcome = Accepted | Failure
"""Every outcome of one submit."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer.

    ``retry_after`` is the header ``x-acs-retry-after`` as it came, ``retry_later`` the header
    ``Retry-After``, ``date`` the header ``Date``. ``hide`` blanks out what the answer may echo of
    our keys: for each text that is kept or shown, never for what is read. ``asked_bytes`` is how
    long the request line was that this answers.
    """

    http_status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None
    retry_later: str | None = None
    hide: Callable[[str], str] = field(default=_as_it_is, repr=False, compare=False)
    asked_bytes: int = 0
    is_key_renewed: bool = False
    """It refuses the key, and another one signs from now on."""

    @property
    def is_success(self) -> bool:
        """Whether its status is one of success."""
        return 200 <= self.http_status < 300
