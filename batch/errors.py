"""Every error a person may see, and the exit code it ends a command with.

A message names what is wrong and what to do next, in that order.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts read. The order in :data:`URGENCY` decides when several hold."""

    DONE = 0
    DONE_WITH_FAILURES = 3
    DONE_WITH_DOUBTS = 4
    CARRIED_OVER = 5
    USAGE = 64
    UNAVAILABLE = 69
    LOCK_HELD = 75
    PERMISSION = 77
    CONFIGURATION = 78


URGENCY = (
    ExitCode.CONFIGURATION,
    ExitCode.PERMISSION,
    ExitCode.UNAVAILABLE,
    ExitCode.LOCK_HELD,
    ExitCode.DONE_WITH_DOUBTS,
    ExitCode.DONE_WITH_FAILURES,
    ExitCode.CARRIED_OVER,
    ExitCode.DONE,
)


def in_one_line(error: BaseException) -> str:
    """Return what a library's error says as a part of a message of ours, 300 characters at most."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def comes_of_an_exit(error: BaseException | None) -> bool:
    """Return whether an error came up only while SIGTERM unwound what ran."""
    while error:
        if isinstance(error, SystemExit):
            return True
        error = error.__context__
    return False


def most_urgent(*codes: ExitCode) -> ExitCode:
    """Return the code a command must end with when all of ``codes`` hold (none: ``DONE``)."""
    return min(codes, key=URGENCY.index, default=ExitCode.DONE)


class VodBatchError(Exception):
    """Base of every error that ends a command with a message instead of a traceback."""

    exit_code = ExitCode.CONFIGURATION
    cause: str | None = None
    """Why the cloud refuses the whole account (``StopCause``), where that is what it says."""


class UsageError(VodBatchError):
    """The words on the command line cannot be carried out."""

    exit_code = ExitCode.USAGE


class UnavailableError(VodBatchError):
    """Something outside this process does not answer."""

    exit_code = ExitCode.UNAVAILABLE


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL does not answer, or answers that it cannot serve."""


class ServerFullError(DatabaseUnavailableError):
    """PostgreSQL has no connection left for us: the role's, the database's or its own limit."""


class ServerChangedError(DatabaseUnavailableError):
    """Another server start serves than the one we know; what it holds must be looked at first."""


class FailedOverError(UnavailableError):
    """Another server serves, which may lack what was committed; the command is to start again."""


class AccountStoppedError(UnavailableError):
    """The cloud refuses the whole account: arrears, or the service is not active."""


class LockHeldError(VodBatchError):
    """Another run holds the lock that this one needs."""

    exit_code = ExitCode.LOCK_HELD


class PermissionRefusedError(VodBatchError):
    """The credentials are missing, wrong, expired, or may not do this."""

    exit_code = ExitCode.PERMISSION


class ConfigurationError(VodBatchError):
    """Settings, schema or target do not fit together."""

    exit_code = ExitCode.CONFIGURATION
