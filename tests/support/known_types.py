"""The arrays of built-in types, known to the driver beforehand.

asyncpg asks the server about them on every connection, and thousands are opened here.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import asyncpg

_ELEMENTS = {
    1000: ("bool", 16),
    1007: ("int4", 23),
    1016: ("int8", 20),
    1022: ("float8", 701),
    1185: ("timestamptz", 1184),
    1231: ("numeric", 1700),
    2951: ("uuid", 2950),
}
"""By the array's OID, which is the same in every PostgreSQL: the name and OID of an element."""

_ARRAYS = {
    array: {
        "oid": array, "ns": "pg_catalog", "name": f"_{name}", "kind": b"b", "basetype": None,
        "elemtype": element, "elemdelim": ",", "range_subtype": None, "attrtypoids": None,
    }
    for array, (name, element) in _ELEMENTS.items()
}  # fmt: skip
_NAMED = SimpleNamespace(name="known beforehand")
"""Stands for the statement that would have asked; a named one displaces no other."""

_ask = asyncpg.Connection._introspect_types


async def _look(connection: Any, oids: Iterable[int], timeout: float | None) -> Any:
    if _ARRAYS.keys() >= set(oids):
        return [_ARRAYS[oid] for oid in oids], _NAMED
    return await _ask(connection, oids, timeout)


def know_arrays() -> None:
    """Let every connection of this process know them."""
    asyncpg.Connection._introspect_types = _look
