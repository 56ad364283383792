"""The statements, one a file under ``sql/``, read once; each says what its parameters are."""

from functools import cache
from importlib import resources


@cache
def statement(name: str) -> str:
    """Return the text of ``sql/<name>.sql``."""
    return resources.files("batch.ledger").joinpath("sql", f"{name}.sql").read_text("utf-8")
