"""What went wrong between us and PostgreSQL, as an error of :mod:`batch.errors`.

By class, not by list: whatever SQLSTATE a server sends and whatever the driver raises has an exit
code and a next step.
"""

import contextlib
import ssl
from collections.abc import Iterator

import asyncpg

from batch.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    PermissionRefusedError,
    ServerFullError,
    VodBatchError,
    in_one_line,
)

_REFUSED = ("28", "0L", "0P", "42501")
"""Log-in, grantor, role, and a missing right."""
_AWAY = ("08", "25", "40", "53", "55", "57", "58", "72", "XX")
"""Line, a transaction in the wrong state (read-only, timed out), a roll-back (a deadlock: the other
side won), no room, a lock not to be had, an operator, the machine, a snapshot too old, a defect.
The same statement may do later."""
_FULL = "53300"
_UNPREPARED = ("26", "42P05")
"""A statement that was prepared is not there, or one that was not is: two servers, one session."""

_Drawn = tuple[type[VodBatchError], str, str]


def drawn(error: BaseException) -> VodBatchError | None:
    """Return the error that a person sees for one of the driver's; ``None`` for other people's."""
    if isinstance(error, VodBatchError):
        return error
    kind = _of_server(error) if isinstance(error, asyncpg.PostgresError) else _of_driver(error)
    if kind is None:
        return None
    made, what, fix = kind
    return made(f"{what}: {_text(error)}; {fix}")


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the driver's errors as ours, with what to do next."""
    try:
        yield
    except VodBatchError:
        raise
    except Exception as error:
        ours = drawn(error)
        if ours is None:
            raise
        raise ours from error


@contextlib.contextmanager
def while_connecting() -> Iterator[None]:
    """Raise what an address leads to as ours; a value that nobody can use is the address's."""
    try:
        with translated_errors():
            yield
    except (ValueError, OverflowError, KeyError) as error:  # no such port; no name for this user
        raise ConfigurationError(
            f"{_UNFIT}: {_text(error)}; check VOD_BATCH_DATABASE_URL"
        ) from error


_NOT_LET_IN = "PostgreSQL refuses us"
_UNFIT = "the database does not fit"
_SILENT = "PostgreSQL does not serve"
_CHECK_RIGHTS = (
    "check user and password in VOD_BATCH_DATABASE_URL, and the rights in docs/deploy.md"
)
_CHECK_SCHEMA = "check VOD_BATCH_DATABASE_URL, then run: vod-batch migrate"
_CHECK_SERVER = "check that it runs and that VOD_BATCH_DATABASE_URL points at it"
_FREE_SOME = "a night needs two at a time: free some, or raise ALTER ROLE ... CONNECTION LIMIT"
_DECLARE_POOLER = (
    "a pooler is in between: set VOD_BATCH_DATABASE_POOLED=true, and "
    "VOD_BATCH_DATABASE_DIRECT_URL to a way around it"
)


def _of_server(error: asyncpg.PostgresError) -> _Drawn:
    state = error.sqlstate or ""
    if state == _FULL:
        return ServerFullError, "no connection is left for us", _FREE_SOME
    if state.startswith(_REFUSED):
        return PermissionRefusedError, _NOT_LET_IN, _CHECK_RIGHTS
    if state.startswith(_AWAY):
        return DatabaseUnavailableError, _SILENT, _mend(error)
    if state.startswith(_UNPREPARED):
        return ConfigurationError, _UNFIT, _DECLARE_POOLER
    return ConfigurationError, _UNFIT, _CHECK_SCHEMA


def _mend(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.QueryCanceledError | asyncpg.LockNotAvailableError):
        return "if statement_timeout or lock_timeout of the role is short, make it longer"
    return _CHECK_SERVER


def _of_driver(error: BaseException) -> _Drawn | None:
    match error:
        case PermissionError():
            return PermissionRefusedError, _NOT_LET_IN, _CHECK_RIGHTS
        case (
            ssl.SSLCertVerificationError()
            | asyncpg.ClientConfigurationError()
            | asyncpg.UnsupportedClientFeatureError()
            | asyncpg.UnsupportedServerFeatureError()
        ):
            return ConfigurationError, _UNFIT, _CHECK_SCHEMA
        case (
            OSError()
            | TimeoutError()
            | asyncpg.InterfaceError()
            | asyncpg.InternalClientError()  # a statement that met its backend's goodbye
        ):
            return DatabaseUnavailableError, _SILENT, _CHECK_SERVER
    return None


def _text(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return in_one_line(error)
