"""What asyncpg asks each connection about PostgreSQL's own types, asked once a process.

For the arrays that our statements take it asks what they are made of, which takes as long as three
connects. Faults and stock servers meet the asking itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import asyncpg.connection

_FIRST_OF_A_DATABASE = 16384
"""Types below are PostgreSQL's own: the same in every database of every version."""

_UNASKED = SimpleNamespace(name="asked before")
"""Stands for the statement that asked: it was none, so that nothing has to be prepared anew."""

_known: dict[frozenset[int], Any] = {}


@contextmanager
def types_known() -> Iterator[None]:
    """Let connections share what one of them was told."""
    ask = asyncpg.connection.Connection._introspect_types

    async def introspect(self: asyncpg.Connection, oids: set[int], timeout: float) -> Any:
        key = frozenset(oids)
        if key in _known:
            return _known[key], _UNASKED
        types, statement = await ask(self, oids, timeout)
        if max(key) < _FIRST_OF_A_DATABASE:
            _known[key] = types
        return types, statement

    asyncpg.connection.Connection._introspect_types = introspect
    try:
        yield
    finally:
        asyncpg.connection.Connection._introspect_types = ask
