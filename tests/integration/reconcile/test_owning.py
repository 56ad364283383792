"""Whose job is it: ``--adopt`` and ``--disown`` ask the cloud before they believe anybody."""

import json

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, media
from tests.support.night import Night
from tests.support.settling import Morning, strange_job

TYPO = "e" * 32


@pytest.fixture
async def doubt(morning: Morning) -> int:
    """A submission in doubt that only a person can settle: two jobs fit it."""
    [row] = await morning.doubt([1])
    strange_job(morning.night.emulator, 1)
    await morning.reconcile()
    return row


def _adopt(console: Console, job_id: str, *words: str, code: ExitCode) -> str:
    ended = console.run("resolve", media(1), "--adopt", job_id, "--yes", *words, code=code)
    return ended.stdout + ended.stderr


async def _state(morning: Morning, row: int) -> tuple[str, str | None]:
    kept = await morning.night.ledger.row(row)
    return kept["state"], kept["job_id"]


async def test_a_mistyped_job_is_not_adopted(
    morning: Morning, console: Console, doubt: int
) -> None:
    """The cloud does not know it: the row stays in doubt, and says what the cloud said."""
    told = _adopt(console, TYPO, code=ExitCode.USAGE)
    assert "ListAIJob does not know this JobId" in told
    assert "--force" in told
    assert await _state(morning, doubt) == ("in_doubt", None)


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "--force"])
@pytest.mark.parametrize(("number", "job_type"), [(2, DNA), (1, TAG)], ids=["media", "type"])
async def test_another_submissions_job_is_not_adopted_even_by_force(
    morning: Morning, console: Console, doubt: int, number: int, job_type: str, force: tuple[str]
) -> None:
    """The cloud says of what media and type the job is: that is no matter of opinion."""
    job_id = strange_job(morning.night.emulator, number, job_type=job_type)  # type: ignore[arg-type]
    told = _adopt(console, job_id, *force, code=ExitCode.USAGE)
    assert f"ListAIJob: {job_type} of media {media(number)}" in told
    assert await _state(morning, doubt) == ("in_doubt", None)


async def test_without_an_answer_of_the_cloud_nothing_is_adopted(
    morning: Morning, console: Console, doubt: int
) -> None:
    """A cloud that cannot be asked proves nothing; an operator may insist."""
    job_id = strange_job(morning.night.emulator, 1)
    morning.night.emulator.fault("error_500", action="ListAIJob")
    assert "cannot be asked" in _adopt(console, job_id, code=ExitCode.UNAVAILABLE)
    assert await _state(morning, doubt) == ("in_doubt", None)
    assert "by force" in _adopt(console, job_id, "--force", code=ExitCode.DONE)
    assert await _state(morning, doubt) == ("submitted", job_id)


async def test_an_automatic_job_is_adopted_with_a_caution(
    morning: Morning, console: Console, doubt: int
) -> None:
    """The cloud made it after an upload: the operator is told, and decides."""
    job_id = strange_job(morning.night.emulator, 1, trigger="auto")
    assert "caution  the cloud does not call this job manual" in _adopt(
        console, job_id, code=ExitCode.DONE
    )
    assert await _state(morning, doubt) == ("submitted", job_id)


async def test_a_job_that_the_cloud_does_not_know_has_a_way_out(
    morning: Morning, console: Console, doubt: int
) -> None:
    """Adopted by force, told by reconcile, status and why, disowned, then the right one adopted."""
    [ours, _] = morning.night.emulator.jobs()
    _adopt(console, TYPO, "--force", code=ExitCode.DONE)
    ended = console.run("reconcile", "--once", code=ExitCode.CARRIED_OVER).stdout
    assert "1  JobIds that the cloud does not know: vod-batch resolve --all --disown" in ended
    assert json.loads(console.run("status", "--json").stdout)["unknown_jobs"] == 1
    assert "vod-batch resolve --all --disown" in console.run("status").stdout
    assert f"vod-batch resolve {media(1)} --disown" in console.run("why", media(1)).stdout
    assert TYPO in console.run("resolve", "--all").stdout
    told = console.run("resolve", "--all", "--disown", "--yes", code=ExitCode.DONE_WITH_DOUBTS)
    assert "1 of 1 submission(s) are in doubt" in told.stdout
    assert await _state(morning, doubt) == ("in_doubt", None)
    last = (await morning.night.ledger.history(doubt))[-1]
    assert last["actor"].startswith("operator ")
    assert TYPO in last["reason"]
    assert json.loads(console.run("status", "--json").stdout)["unknown_jobs"] == 0
    # The receipt stays, keeps absence from being believed, and is no charge.
    assert TYPO in console.run("why", media(1)).stdout
    summary = await morning.reconcile()
    assert (summary.needs_operator, summary.extra_charges) == (1, 0)
    _adopt(console, ours["job_id"], code=ExitCode.DONE)
    assert await _state(morning, doubt) == ("submitted", ours["job_id"])
    assert (await morning.reconcile()).extra_charges == 0
    await morning.night.ledger.check()


async def test_what_was_disowned_may_be_found_right_after_all(
    night: Night, morning: Morning, console: Console
) -> None:
    """The cloud lists a job late: its row was disowned, and is given its job again."""
    [row] = await night.ledger.add([1])
    await night.submit()
    job_id = (await night.ledger.row(row))["job_id"]
    night.emulator.fault("error_500", action="ListAIJob")
    words = ["resolve", media(1), "--disown", "--yes"]
    assert "cannot be asked" in console.run(*words, code=ExitCode.UNAVAILABLE).stderr
    console.run(*words, "--force", code=ExitCode.DONE_WITH_DOUBTS)
    assert await _state(morning, row) == ("in_doubt", None)
    night.emulator.forget_faults()
    await morning.reconcile()
    kept = await night.ledger.row(row)
    assert kept["job_id"] == job_id
    assert (await morning.reconcile()).extra_charges == 0
    assert night.emulator.submits() == 1
    [attempt] = await night.ledger.attempts(row)
    assert (attempt["job_id"], attempt["closed_by"]) == (job_id, None)


async def test_a_job_that_the_cloud_knows_is_not_disowned(night: Night, console: Console) -> None:
    """It may be the submission's, and giving it up could only lose what was paid for."""
    [row] = await night.ledger.add([1])
    await night.submit()
    ended = console.run("resolve", media(1), "--disown", "--yes", "--force", code=ExitCode.USAGE)
    assert "the cloud knows the job" in ended.stderr
    assert await night.ledger.state(row) is State.SUBMITTED


async def test_nothing_is_disowned_beside_another_doubt(
    night: Night, morning: Morning, console: Console
) -> None:
    """Two doubts of one media and type could not be told apart: one after the other."""
    [first] = await night.ledger.add([1])
    await night.submit()
    await night.ledger.sql.execute("UPDATE submissions SET job_id = $1", TYPO)
    [second] = await night.ledger.add([1], campaign="again")
    night.emulator.fault("drop_before", count=1)
    await night.submit()
    assert await night.ledger.state(second) is State.IN_DOUBT
    ended = console.run("resolve", media(1), "--disown", "--yes")
    assert "0 of 1" in ended.stdout
    assert await _state(morning, first) == ("submitted", TYPO)


def test_force_goes_with_a_job(console: Console) -> None:
    """--force alone, or with another word, is a mistake."""
    for words in (["--force"], ["--absent", "--force"], ["--disown", "--absent"]):
        console.run("resolve", media(1), *words, code=ExitCode.USAGE)
