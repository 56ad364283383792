"""How ``status`` shows what others named: lists, reasons, words of the cloud."""

from datetime import UTC, datetime

import pytest

from batch.core.models import JobType
from batch.core.pricing import Costs
from batch.ledger.doubts import ExtraCharge
from batch.ledger.operators import Hold
from batch.show.insights import BatchLine, Status
from batch.show.text.status import status_lines

NOW = datetime(2026, 11, 27, 1, 30, tzinfo=UTC)
NAMES = ["media[final].csv", "x[/y]:smile:.csv", "[red]a[/red].csv", "media[1].csv"]


def _text(status: Status) -> str:
    return "".join(f"{line}\n" for line in status_lines(status))


def _status(*, source: str = "a.csv", reason: str = "pause", jobs: tuple[str, ...] = ()) -> Status:
    batch = BatchLine(1, source, "default", NOW, 1, 1, 0, None, 1, 0, 0, 0, {"pending": 1})
    charges = (ExtraCharge(1, "m" * 32, JobType.MEDIA_DNA, "submitted", jobs),) if jobs else ()
    hold = Hold(1, "target", None, NOW, "somebody", reason, 1)
    return Status(
        "default", "cn-shanghai", {"pending": 1}, (batch,), (), charges, (hold,), Costs(), (), 0
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_others_named_is_shown_literally(name: str) -> None:
    """Square brackets and colons are part of a name or a reason, no command for colours."""
    shown = _text(_status(source=name, reason=f"see {name}"))
    assert f"see {name})" in shown
    assert name in shown.split("held:")[0]


def test_a_charge_is_on_one_line() -> None:
    """A line to copy from is not broken, however narrow the terminal is taken to be."""
    jobs = ("1" * 32, "2" * 32)
    assert f"jobs {', '.join(jobs)}\n" in _text(_status(jobs=jobs))


def test_a_path_is_not_broken() -> None:
    """It is copied from here, and searched for in a night's log."""
    path = "/home/ops/lists/done/" + "a long name " * 20 + ".csv"
    assert path in _text(_status(source=path))
