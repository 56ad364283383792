"""Whether the first submissions of a batch say that the rest may go."""

from dataclasses import dataclass
from enum import StrEnum

ACTOR = "canary"
"""Who holds a batch whose canary has not passed, for the history."""


class CanaryVerdict(StrEnum):
    """The result of a canary."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary of a batch, in submissions; ``failed`` counts every bad end."""

    batch: int
    source: str
    size: int
    succeeded: int
    failed: int
    unsent: int

    @property
    def still_open(self) -> int:
        """How many have no end yet."""
        return self.size - self.succeeded - self.failed

    def verdict(self, percent: float) -> CanaryVerdict | None:
        """Judge as soon as nothing open can change it; ``percent`` of the canary must succeed."""
        wanted = percent * self.size / 100
        if self.succeeded >= wanted:
            return CanaryVerdict.PASSED
        return CanaryVerdict.FAILED if self.succeeded + self.still_open < wanted else None
