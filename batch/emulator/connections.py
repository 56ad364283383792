"""What the gateway keeps for each connection: which of its nodes serves it, what it said last."""

from asyncio import BaseTransport
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aiohttp import web


@dataclass(slots=True)
class Connection:
    """One connection: its number, the first is 0, and the last whole answer sent on it."""

    number: int
    last_answer: web.Response | None = None


class Connections:
    """All open connections, numbered in the order of their first call."""

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[BaseTransport, Connection] = WeakKeyDictionary()
        self._number = 0

    def of(self, request: web.Request) -> Connection:
        """Return the connection of ``request``."""
        transport = request.transport
        known = self._open.get(transport) if transport is not None else None
        if known is None:
            known = Connection(self._number)
            self._number += 1
            if transport is not None:
                self._open[transport] = known
        return known
