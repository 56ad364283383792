"""How far a run is, in the log: once a minute, in figures."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

import pytest
from structlog.testing import capture_logs

from batch.cli.progress import watch_run
from batch.core.models import Claim
from batch.core.outcome import Accepted, InDoubt, Outcome
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.logs import EachMinute
from batch.night.shift import Watcher
from batch.submit.sending import AttemptReport
from batch.submit.shared_pace import SharedPace


@dataclass
class _Pace:
    worst_second: int = 7


PACE = cast("SharedPace", _Pace())


def _report(outcome: Outcome, name: str, *states: State) -> AttemptReport:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    claim = Claim("m" * 32, None, None, "nonce", at, ())
    verdicts = tuple(Verdict(n, 1, name, state) for n, state in enumerate(states))
    return AttemptReport(claim, outcome, verdicts, 0.1)


ACCEPTED = _report(Accepted("r", ()), "accepted", State.SUBMITTED, State.SUBMITTED)
LOST = _report(InDoubt("reset"), "in_doubt", State.IN_DOUBT)


@pytest.mark.parametrize(
    ("wanted", "attempts"), [("auto", ["in_doubt"]), ("attempts", ["accepted", "in_doubt"])]
)
def test_a_run_is_counted_and_its_problems_are_told(
    wanted: Literal["auto", "attempts"], attempts: list[str]
) -> None:
    """Each request on wish; in figures always, and those of a new run from nothing."""
    with watch_run(wanted) as watcher, capture_logs() as lines:
        watcher.started(9, PACE)
        watcher.attempted(ACCEPTED)
        watcher.attempted(LOST)
        watcher.tell()
        watcher.started(6, PACE)
        watcher.tell()
    told = [line["outcome"] for line in lines if line["event"] == "attempt"]
    assert told == attempts
    first, second = [line for line in lines if line["event"] == "progress"]
    assert first.pop("rate") > 0
    assert first == {
        "event": "progress", "log_level": "info", "phase": "submit", "done": 3, "due": 9,
        "requests": 2, "accepted": 1, "in_doubt": 1, "worst_second": 7,
    }  # fmt: skip
    assert (second["done"], second["due"], second["requests"]) == (0, 6, 0)


async def test_a_watcher_tells_again_and_again_while_a_run_lasts() -> None:
    """And no more afterwards."""
    told = asyncio.Event()
    watcher = Watcher(tell=told.set, seconds=0.001)
    async with watcher.telling():
        await asyncio.wait_for(told.wait(), 60)
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == "progress"]
    assert [task.cancelled() for task in tasks] == [True]
    assert Watcher().seconds == 60


def test_each_minute_is_one_line_at_the_most() -> None:
    """However often there is something to tell."""
    now = 0.0
    minutes = EachMinute(clock=lambda: now)
    with capture_logs() as lines:
        for now in (1.0, 59.0, 60.0, 61.0, 119.0, 121.0):
            minutes.tell("look", looked_at=now)
    assert [line["looked_at"] for line in lines] == [60.0, 121.0]
    assert {(line["event"], line["phase"]) for line in lines} == {("progress", "look")}
