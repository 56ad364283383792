"""The doctor in this process: every check by its name."""

from datetime import datetime
from typing import Any

from batch.doctor import Check, Grade, examine
from batch.settings import Settings
from batch.vod.credentials import Credentials, CredentialSource
from tests.support.night import KEY


async def examined(
    settings: Settings, *, key: Credentials | None = KEY, confirm_replay: bool = False, **how: Any
) -> dict[str, Check]:
    """Return the checks by name; of several with one name, the last that is not plainly well."""

    def load() -> Credentials:
        if key is None:
            raise FileNotFoundError
        return key

    found: dict[str, Check] = {}
    source = CredentialSource(load)
    async for check in examine(settings, confirm_replay=confirm_replay, credentials=source, **how):
        if check.name not in found or check.grade is not Grade.OK:
            found[check.name] = check
    return found


def verdicts(checks: dict[str, Check]) -> set[tuple[str, str, int]]:
    """Return what is not plainly well: name, verdict, code."""
    return {
        (check.name, check.grade.value, int(check.code))
        for check in checks.values()
        if check.grade is not Grade.OK
    }


def clock_at(moment: datetime) -> Any:
    """Return a clock that stands still."""
    return lambda: moment
