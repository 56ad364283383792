"""Who lets submissions be begun and sent: everybody, or whoever looks first."""

from collections.abc import Sequence
from typing import Protocol

from batch.core.existing import ExistingSummary
from batch.core.models import Claim


class Gate(Protocol):
    """Stands before each begin, and between a begin and its sends."""

    async def make_way(self, wanted: int) -> int:
        """Say how many submissions may be begun now, of ``wanted``; none: ask again."""

    async def hold_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Say which claims must not be sent, by nonce, and why: they are given back."""

    def summary(self) -> ExistingSummary | None:
        """Say what the looks came to, if any were taken."""


class OpenGate:
    """Lets everything pass."""

    async def make_way(self, wanted: int) -> int:
        """Let all be begun."""
        return wanted

    async def hold_back(self, _claims: Sequence[Claim]) -> dict[str, str]:
        """Keep none."""
        return {}

    def summary(self) -> None:
        """Say nothing: no look was taken."""
