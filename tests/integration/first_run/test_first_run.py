"""A ledger that was made by accident: what another ledger has paid for is not paid again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cloud import Emulator
from tests.support.console import KEY, Console, Ended
from tests.support.ledger import media, write_csv
from tests.support.postgres import Server

PLAYS = {
    "VOD_BATCH_SERVICE": "cloud", "VOD_BATCH_QPS": "1000", "VOD_BATCH_LOOKUP_QPS": "1000",
    # Or jobs that exist would be taken, and looked for, in a run that may begin.
    "VOD_BATCH_SKIP_EXISTING": "never",
}  # fmt: skip
BOTH = "AIMediaDNA,AIVideoTag"


def _console(home: Path, url: str, emulator: Emulator) -> Console:
    home.mkdir(exist_ok=True)
    settings = {"VOD_BATCH_DATABASE_URL": url, "VOD_BATCH_ENDPOINT": emulator.url}
    return Console(home, settings | PLAYS | KEY)


def _load(console: Console, numbers: range, types: str | None = None) -> None:
    ids = [media(n) for n in numbers]
    console.run("load", str(write_csv(console.home / "list.csv", ids, types)))


@pytest.fixture
def emulator(start_emulator: Callable[[str], Emulator]) -> Emulator:
    """An emulator of this test's own, whose look-ups can be made to fail."""
    return start_emulator("")


@pytest.fixture
def first(tmp_path: Path, database_url: str, emulator: Emulator) -> Console:
    """The command line at its first ledger."""
    return _console(tmp_path / "first", database_url, emulator)


def test_a_new_ledger_by_accident_pays_for_nothing(
    first: Console, tmp_path: Path, postgres: Server, emulator: Emulator
) -> None:
    """A night, then the same list from an empty ledger: 78, nothing sent, until it is accepted."""
    _load(first, range(50))
    first.run("submit")
    assert emulator.meter()["jobs"] == 50
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with postgres.database() as url:
        other = _console(tmp_path / "other", url, emulator)
        _load(other, range(50))
        ended = other.run("submit", code=78)
        assert "20 of 20 media" in ended.stderr
        assert "doctor --accept first-run" in ended.stderr
        assert media(0) in ended.stderr
        assert emulator.jobs()[0]["job_id"] in ended.stderr
        night = other.run("nightly", str(inbox), code=78)
        assert "doctor --accept first-run" in night.stdout + night.stderr
        assert emulator.submits() == 50
        accepted = other.run("doctor", "--accept", "first-run", "--yes").stdout
        assert "may be paid again" in accepted
        assert accepted.splitlines()[-1].startswith("accepted: ")
        other.run("submit")
        assert emulator.submits() == 100


def test_another_home_pays_for_nothing(tmp_path: Path, emulator: Emulator) -> None:
    """Two embedded ledgers, as ``sudo`` or a lost line of the environment makes them."""
    homes = []
    for name in ("mine", "roots"):
        console = _console(tmp_path / name, "", emulator).having(VOD_BATCH_DATABASE_URL=None)
        _load(console, range(30))
        homes.append(console)
    homes[0].run("submit")
    ended = homes[1].run("submit", code=78)
    assert f"the embedded database under {homes[1].home}" in ended.stderr
    assert emulator.submits() == 30


def test_a_fresh_list_passes_unattended(first: Console, emulator: Emulator) -> None:
    """Less than 20 media, two types each: twelve free look-ups, and on it goes, once."""
    _load(first, range(12), BOTH)
    first.run("submit")
    assert emulator.meter()["requests"]["ListJobInfo"] == 12
    assert "GetJobDetail" not in emulator.meter()["requests"]
    _load(first, range(20, 30))
    first.run("submit")
    assert emulator.meter()["requests"]["ListJobInfo"] == 12
    assert emulator.meter()["jobs"] == 34


@pytest.mark.parametrize(("trigger", "code"), [("auto", 0), ("manual", 78)])
def test_only_what_is_positively_automatic_is_nobodys(
    first: Console, emulator: Emulator, trigger: str, code: int
) -> None:
    """Every upload has an automatic job; another program's job of one media is a question."""
    emulator.make_jobs(trigger, [media(n) for n in range(30)])
    _load(first, range(30))
    ended = first.run("submit", code=code)
    assert ("20 of 20 media" in ended.stderr) == (code == 78)
    assert emulator.submits() == (30 if code == 0 else 0)


def test_a_single_job_in_the_middle_of_the_list_is_met(first: Console, emulator: Emulator) -> None:
    """The sample is spread over the list: a third of it that was sent before cannot hide."""
    emulator.make_jobs("manual", [media(n) for n in range(30, 60)])
    _load(first, range(90))
    ended = first.run("submit", code=78)
    assert "of 20 media that were looked at" in ended.stderr
    assert emulator.submits() == 0


@pytest.mark.parametrize("kind", ["throttle", "error_500", "drop_before"])
def test_a_look_up_that_fails_sends_nothing(first: Console, emulator: Emulator, kind: str) -> None:
    """69; a second start, with look-ups that answer, goes on."""
    _load(first, range(5))
    emulator.fault(kind, action="ListJobInfo")
    ended = first.run("submit", code=69)
    assert "could not be looked up" in ended.stderr
    assert emulator.submits() == 0
    emulator.forget_faults()
    first.run("submit")
    assert emulator.submits() == 5


def test_a_short_trouble_of_the_look_ups_is_waited_for(first: Console, emulator: Emulator) -> None:
    """Several workers that start together meet the quota of look-ups: no reason to end."""
    _load(first, range(5))
    emulator.fault("throttle", action="ListJobInfo", count=1)
    first.run("submit")
    assert emulator.submits() == 5


def test_a_job_that_the_cloud_will_not_tell_of_is_a_question(
    first: Console, emulator: Emulator
) -> None:
    """What is not said to be automatic may have been paid."""
    emulator.make_jobs("auto", [media(1)])
    emulator.fault("refuse", action="GetJobDetail", code="InvalidJob.NotFound", status=404)
    _load(first, range(5))
    first.run("submit", code=78)
    assert emulator.submits() == 0


def test_a_ledger_that_has_sent_is_not_asked_and_a_new_target_of_it_is(
    first: Console, emulator: Emulator
) -> None:
    """Jobs of others among later media are no matter; another account's first run is one."""
    _load(first, range(5))
    first.run("submit")
    looked = emulator.meter()["requests"]["ListJobInfo"]
    emulator.make_jobs("manual", [media(n) for n in range(10, 15)])
    _load(first, range(10, 15))
    first.run("submit")
    assert emulator.meter()["requests"]["ListJobInfo"] == looked
    second = first.having(VOD_BATCH_ACCOUNT="second")
    _load(second, range(10, 15))
    second.run("submit", code=78)


def test_jobs_that_this_ledger_knows_under_another_target_are_no_accident(
    first: Console, emulator: Emulator
) -> None:
    """It is not a new ledger: it knows what was paid."""
    _load(first, range(5))
    first.run("submit")
    renamed = first.having(VOD_BATCH_ACCOUNT="renamed")
    _load(renamed, range(5))
    renamed.run("submit")


def test_a_stand_in_is_not_asked(first: Console, emulator: Emulator) -> None:
    """An emulator that does not play the cloud costs nothing."""
    plain = first.having(VOD_BATCH_SERVICE=None)
    emulator.make_jobs("manual", [media(0)])
    _load(plain, range(5))
    plain.run("submit")
    assert "ListJobInfo" not in emulator.meter()["requests"]


def test_an_unknown_name_and_a_question_that_nobody_can_answer_are_usage(first: Console) -> None:
    """64, with the names that there are; and nothing is accepted."""
    assert "first-run" in first.run("doctor", "--accept", "everything", code=64).stderr
    assert "--yes" in first.run("doctor", "--accept", "first-run", code=64).stderr


def test_acceptance_has_no_environment_twin(first: Console) -> None:
    """It is a word said once, never a line in a file that stays."""
    ended: Ended = first.having(VOD_BATCH_ACCEPT="first-run").run("status")
    assert '"variables": ["VOD_BATCH_ACCEPT"], "event": "unknown_variables_ignored"' in ended.stderr


def test_acceptance_as_json_is_one_object(first: Console) -> None:
    """What it means, what was shown, and what was done."""
    told = json.loads(first.run("doctor", "--accept", "first-run", "--yes", "--json").stdout)
    assert told["changed"] is True
    assert told["done"].startswith("accepted: ")
