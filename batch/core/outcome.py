"""What one ``SubmitAIJob`` request came to: six frozen outcomes."""

from dataclasses import dataclass
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


_EXIT_CODES = {
    StopCause.ARREARS: ExitCode.UNAVAILABLE,
    StopCause.NOT_ACTIVE: ExitCode.UNAVAILABLE,
    StopCause.PERMISSION: ExitCode.PERMISSION,
    StopCause.CREDENTIALS: ExitCode.PERMISSION,
    StopCause.CLOCK: ExitCode.CONFIGURATION,
    StopCause.ENDPOINT: ExitCode.CONFIGURATION,
}


def exit_code_for(cause: StopCause) -> ExitCode:
    """Return the code that a run stopped by ``cause`` ends with (``design.md`` 5)."""
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


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused before execution because of the rate; the same request may go later.

    ``retry_after_seconds`` is what the gateway asked for, unbounded; the caller caps it.
    """

    code: str
    message: str
    request_id: str | None
    http_status: int
    retry_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good before any job existed, for a reason that lies in this one request."""

    code: str
    message: str
    request_id: str | None
    http_status: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proven never to have left this process: no job can exist.

    ``held_back`` when we chose not to send it, which says nothing about the cloud or the row.
    """

    reason: str
    held_back: bool = False


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
    job_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountStopped:
    """The account, key, clock or endpoint is refused: every further request would be too."""

    code: str
    message: str
    request_id: str | None
    http_status: int
    cause: StopCause

    @property
    def exit_code(self) -> ExitCode:
        """The code that a run stopped by this ends with."""
        return exit_code_for(self.cause)


Failure = Throttled | Refused | NotSent | InDoubt | AccountStopped
"""Every outcome that holds no job."""

Outcome = Accepted | Failure
"""Every outcome of one submit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer.

    ``retry_after`` is the header ``x-acs-retry-after`` as it came, ``date`` the header ``Date``.
    """

    http_status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None
