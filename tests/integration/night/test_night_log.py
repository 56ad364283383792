"""What a night logs: its parts with their figures, every line with its run; more on wish."""

import json
from typing import Any

from tests.integration.night.conftest import MakeShift
from tests.support.console import Ended
from tests.support.ledger import media
from tests.support.shift import Shift

PHASES = ["load", "look", "canary", "submit", "reconcile", "report"]


def _lines(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.stderr.splitlines()]


def _events(ended: Ended, event: str) -> list[dict[str, Any]]:
    return [line for line in _lines(ended) if line["event"] == event]


def _good(make_shift: MakeShift) -> Shift:
    shift = make_shift(VOD_BATCH_CANARY=2)
    shift.drop("a.csv", range(5))
    return shift


def test_each_part_begins_and_ends_with_its_figures(make_shift: MakeShift) -> None:
    """A log that is not a terminal tells no request that went well."""
    ended = _good(make_shift).run()
    assert [line["phase"] for line in _events(ended, "phase_begins")] == PHASES
    ends = {line["phase"]: line for line in _events(ended, "phase_ends")}
    assert list(ends) == PHASES
    assert (ends["load"]["lists"], ends["load"]["submissions"]) == (1, 5)
    assert (ends["look"]["looked_at"], ends["look"]["failed_calls"]) == (5, 0)
    assert (ends["canary"]["batches"], ends["canary"]["passed"]) == (1, 1)
    assert (ends["submit"]["submitted"], ends["submit"]["requests"]) == (3, 3)
    assert (ends["reconcile"]["succeeded"], ends["reconcile"]["open_jobs"]) == (3, 0)
    assert (ends["report"]["exit_code"], ends["report"]["well"]) == (0, True)
    assert all(line["seconds"] >= 0 for line in ends.values())
    assert _events(ended, "attempt") == []


def test_every_line_names_the_run(make_shift: MakeShift) -> None:
    """The one of the report, also where a request is told."""
    ended = _good(make_shift).run("--json", "--log", "attempts")
    run = json.loads(ended.stdout)["run"]
    assert {line["run"] for line in _lines(ended)} == {run}
    assert len(_events(ended, "attempt")) == 5


def test_a_quiet_night_logs_problems_only(make_shift: MakeShift) -> None:
    """None of a good one; an answer that never came is one."""
    shift = _good(make_shift)
    assert shift.run("--quiet").stderr == ""
    shift.emulator.fault("accept_then_drop", media_id=media(99))
    shift.drop("b.csv", [99])
    told = _lines(shift.run("--quiet", code=None))
    assert {line["level"] for line in told} <= {"warning", "error"}
    assert "attempt" in {line["event"] for line in told}


def test_quiet_and_attempts_contradict_each_other(make_shift: MakeShift) -> None:
    """Nobody can mean both."""
    ended = make_shift().run("--quiet", "--log", "attempts", code=64)
    assert ended.stderr == "vod-batch: --quiet and --log attempts contradict each other\n"


def test_a_part_that_breaks_off_says_why(make_shift: MakeShift) -> None:
    """With its end, and then the night's."""
    shift = make_shift(ALIBABA_CLOUD_ACCESS_KEY_ID=None, ALIBABA_CLOUD_ACCESS_KEY_SECRET=None)
    shift.drop("a.csv", range(3))
    ended = shift.run(code=77)
    broken = [line for line in _events(ended, "phase_ends") if "error" in line]
    assert "no Alibaba Cloud credentials" in broken[0]["error"]
    assert len(_events(ended, "night_stopped")) == 1


def test_a_submit_and_a_reconcile_of_their_own_are_told_alike(make_shift: MakeShift) -> None:
    """Each with a run's id on every line."""
    shift = make_shift()
    shift.console.run("load", str(shift.drop("a.csv", range(3))))
    for command, figure in (("submit", "submitted"), ("reconcile", "succeeded")):
        ended = shift.console.run(command)
        (line,) = _events(ended, "phase_ends")
        assert (line["phase"], line[figure]) == (command, 3)
        assert len({one["run"] for one in _lines(ended)}) == 1
