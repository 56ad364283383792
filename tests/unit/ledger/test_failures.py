"""Every error of the driver and of a server has an exit code: by class, whatever comes."""

import ssl

import asyncpg
import pytest
from asyncpg import exceptions

from batch.errors import ExitCode, VodBatchError
from batch.ledger.connecting.failures import drawn, translated_errors

_OF_THE_DRIVER = [
    found
    for name in exceptions.__all__
    if isinstance(found := getattr(exceptions, name), type)
    and issubclass(found, BaseException)
    and not issubclass(found, Warning)
]
_CODES = {ExitCode.UNAVAILABLE, ExitCode.PERMISSION, ExitCode.CONFIGURATION}


def test_all_classes_are_looked_at() -> None:
    """The list is the driver's own; a driver of tomorrow has more of them, not fewer."""
    assert len(_OF_THE_DRIVER) > 240


@pytest.mark.parametrize("kind", _OF_THE_DRIVER, ids=lambda kind: kind.__name__)
def test_no_class_ends_in_a_traceback(kind: type[Exception]) -> None:
    """A server may send any SQLSTATE, and the driver may raise whatever it has."""
    with pytest.raises(VodBatchError) as caught, translated_errors():
        raise kind("what\nit says")
    assert caught.value.exit_code in _CODES
    assert "what it says; " in str(caught.value)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("08006", 69), ("57P01", 69), ("57014", 69), ("53300", 69), ("53100", 69), ("55P03", 69),
        ("40P01", 69), ("25006", 69), ("25P03", 69), ("58030", 69), ("XX001", 69), ("72000", 69),
        ("28P01", 77), ("28000", 77), ("42501", 77), ("0P000", 77),
        ("3D000", 78), ("42P01", 78), ("42703", 78), ("22P05", 78), ("23514", 78), ("P0001", 78),
        ("0A000", 78), ("54001", 78), ("26000", 78), ("42P05", 78), ("ZZ999", 78), ("1", 78),
    ],
)  # fmt: skip
def test_the_code_follows_from_the_class(state: str, code: int) -> None:
    """A SQLSTATE that the driver has no name for, an extension's own, has one too."""
    error = asyncpg.PostgresError.new({"C": state, "M": "it says so", "S": "ERROR"})
    ours = drawn(error)
    assert ours is not None
    assert ours.exit_code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionResetError("gone"), 69),
        (TimeoutError(), 69),
        (FileNotFoundError(2, "no socket"), 69),
        (ssl.SSLError("handshake"), 69),
        (PermissionError(13, "the socket is another's"), 77),
        (ssl.SSLCertVerificationError("self-signed"), 78),
    ],
)
def test_what_the_line_says(error: BaseException, code: int) -> None:
    """Whatever the system has to say of a connection is an error of the line."""
    ours = drawn(error)
    assert ours is not None
    assert ours.exit_code == code


@pytest.mark.parametrize("error", [KeyError("k"), ZeroDivisionError(), ValueError("a defect")])
def test_a_defect_of_ours_stays_one(error: Exception) -> None:
    """What no database said is not put on one."""
    assert drawn(error) is None
    with pytest.raises(type(error)), translated_errors():
        raise error
