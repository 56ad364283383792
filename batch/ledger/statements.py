"""The statements, one a file under ``sql/``, read once; each says what its parameters are."""

import re
from enum import StrEnum
from functools import cache
from importlib import resources

_FOLDER = resources.files("batch.ledger").joinpath("sql")
_MARK = re.compile(r"^-- Repeat: (\w+)$", re.MULTILINE)


class Repeat(StrEnum):
    """What running a statement once more does, after one whose answer was lost.

    A statement that writes says so in a line of its own, such as ``-- Repeat: harmless``.
    """

    READS = "reads"
    """It changes nothing."""
    HARMLESS = "harmless"
    """It leaves what the first one left, and returns the same, as far as anybody looks."""
    ASK = "ask"
    """Something twice, or another result: first PostgreSQL is asked whether it was committed."""
    NEVER = "never"
    """Only its owner can say what to do next."""


@cache
def statement(name: str) -> str:
    """Return the text of ``sql/<name>.sql``."""
    return _FOLDER.joinpath(f"{name}.sql").read_text("utf-8")


@cache
def repeat(name: str) -> Repeat:
    """Return what running the statement once more does."""
    mark = _MARK.search(statement(name))
    return Repeat(mark[1]) if mark else Repeat.READS


def names() -> list[str]:
    """Return the name of every statement."""
    return sorted(file.name.removesuffix(".sql") for file in _FOLDER.iterdir())
