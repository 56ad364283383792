"""What decides whether submissions may be begun and sent: nothing, or a look first."""

from collections.abc import Sequence
from typing import Protocol

from batch.core.existing import ExistingSummary
from batch.core.models import Claim


class Gate(Protocol):
    """Asked before each begin, and between a begin and its sends."""

    async def make_way(self, wanted: int) -> int:
        """Say how many submissions may be begun now, of ``wanted``; none: ask again."""

    async def keep_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Say which claims must not be sent, by nonce, and why: they are given back."""

    def summary(self) -> ExistingSummary | None:
        """Return the result of the looks, if any were taken."""


class OpenGate:
    """Lets everything pass."""

    async def make_way(self, wanted: int) -> int:
        """Let all be begun."""
        return wanted

    async def keep_back(self, _claims: Sequence[Claim]) -> dict[str, str]:
        """Keep none."""
        return {}

    def summary(self) -> None:
        """Say nothing: no look was taken."""
