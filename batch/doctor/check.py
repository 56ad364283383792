"""What one look came to."""

from dataclasses import dataclass
from enum import StrEnum

from batch.errors import ExitCode


class Grade(StrEnum):
    """How a check ended; only ``BAD`` stops a run."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    ``code`` is what a run would end with because of it, ``DONE`` when it could run. A ``fix`` for
    what is no hindrance is a warning.
    """

    name: str
    detail: str
    fix: str = ""
    code: ExitCode = ExitCode.DONE
    is_known: bool = True

    @property
    def passed(self) -> bool:
        """Whether a run would not fail for it, as far as is known."""
        return self.code is ExitCode.DONE

    @property
    def grade(self) -> Grade:
        """The check in one word."""
        if not self.passed:
            return Grade.BAD
        if not self.is_known:
            return Grade.NOT_CHECKED
        return Grade.WARNING if self.fix else Grade.OK


def not_checked(name: str, why: str) -> Check:
    """Return the check of what could not be looked at."""
    return Check(name, f"not checked: {why}", is_known=False)
