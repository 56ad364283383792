"""``resolve``: the evidence is shown, the question asked, then it is done with a name to it."""

from dataclasses import dataclass

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, media
from tests.support.settling import Morning, strange_job

NO, YES = b"n\n", b"y\n"


@dataclass
class Desk:
    """A doubt on an operator's desk: ours was made, and so was another program's job."""

    morning: Morning
    console: Console
    row: int
    ours: str
    other: str

    async def state(self) -> State:
        """Return where the submission stands."""
        return await self.morning.night.ledger.state(self.row)

    async def job_id(self) -> str | None:
        """Return the JobId that the ledger keeps."""
        kept: str | None = (await self.morning.night.ledger.row(self.row))["job_id"]
        return kept


@pytest.fixture
async def desk(morning: Morning, console: Console) -> Desk:
    """Two manual jobs of one media and type in the same minute, one of them ours."""
    [row] = await morning.doubt([1])
    [job] = morning.night.emulator.jobs()
    other = strange_job(morning.night.emulator, 1)
    assert (await morning.reconcile()).needs_operator == 1
    return Desk(morning, console, row, job["job_id"], other)


async def test_without_a_word_the_evidence_is_shown(desk: Desk) -> None:
    """Request, reason, every listed job with what speaks for it, the caution and the stake."""
    strange_job(desk.morning.night.emulator, 1, trigger="auto")
    shown = desk.console.run("resolve", media(1), code=ExitCode.DONE_WITH_DOUBTS).stdout
    assert f"{media(1)} AIMediaDNA (campaign default)" in shown
    [attempt] = await desk.morning.night.ledger.attempts(desk.row)
    assert f"nonce {attempt['nonce']}" in shown
    assert attempt["message"] in shown
    for job in (desk.ours, desk.other):
        [line] = [line for line in shown.splitlines() if job in line]
        assert line.endswith("manual, unknown to the ledger, FITS")
    assert "automatic, unknown to the ledger, does not fit" in shown
    assert "younger than 15 minutes" in shown
    assert "one more AIMediaDNA of this media, charged by its minutes" in shown
    assert "--adopt JOB_ID, --absent or --resend" in shown
    assert await desk.state() is State.IN_DOUBT


async def test_nothing_is_done_without_a_yes(desk: Desk) -> None:
    """The question comes after the evidence; all but a yes leaves everything as it is."""
    for word, answer in (
        (["--absent"], NO),
        (["--resend"], b"\n"),
        (["--adopt", desk.ours], NO),
        (["--resend"], b""),
    ):
        ended = desk.console.run("resolve", media(1), *word, stdin=answer, code=None)
        assert "at stake" in ended.stdout
        assert ended.code != ExitCode.DONE
        assert await desk.state() is State.IN_DOUBT
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("asks", [True, False], ids=["asked", "--yes"])
async def test_adopt_takes_the_named_job(desk: Desk, asks: bool) -> None:
    """The doubt ends with the JobId, the history names the operator, nothing is sent again."""
    words = ["resolve", media(1), "--adopt", desk.ours, *([] if asks else ["--yes"])]
    desk.console.run(*words, stdin=YES if asks else b"")
    assert (await desk.state(), await desk.job_id()) == (State.SUBMITTED, desk.ours)
    last = (await desk.morning.night.ledger.history(desk.row))[-1]
    assert last["actor"].startswith("operator ")
    assert last["reason"] == "an operator adopted its job"
    desk.console.run("submit")
    assert desk.morning.night.emulator.submits() == 1


@pytest.mark.parametrize(
    ("word", "reason"),
    [("--absent", "no job exists"), ("--resend", "sent again, paid twice or not")],
)
async def test_absent_and_resend_send_once_more(desk: Desk, word: str, reason: str) -> None:
    """The operator's word makes the row due again; the next run sends it once."""
    desk.console.run("resolve", media(1), word, "--yes")
    assert await desk.state() is State.PENDING
    last = (await desk.morning.night.ledger.history(desk.row))[-1]
    assert reason in last["reason"]
    for _ in range(2):
        desk.console.run("submit")
    assert desk.morning.night.emulator.submits() == 2
    assert await desk.job_id() not in (None, desk.ours, desk.other)


async def test_a_job_of_another_submission_cannot_be_adopted(desk: Desk) -> None:
    """A JobId that the ledger holds already belongs where it is."""
    [known] = await desk.morning.night.ledger.add([2])
    await desk.morning.night.submit()
    job_id = (await desk.morning.night.ledger.row(known))["job_id"]
    words = ["resolve", media(1), "--adopt", job_id, "--yes"]
    ended = desk.console.run(*words, code=ExitCode.USAGE)
    assert "belongs to a submission already" in ended.stderr
    assert await desk.state() is State.IN_DOUBT


async def test_all_doubts_of_a_type(morning: Morning, console: Console) -> None:
    """--all with --type decides for those only; what is left keeps exit code 4."""
    await morning.doubt([1, 2], DNA, TAG)
    words = ["resolve", "--all", "--type", "AIVideoTag", "--absent", "--yes"]
    console.run(*words, code=ExitCode.DONE_WITH_DOUBTS)
    stand = {(row["media_id"], row["job_type"]): row["state"]
             for row in await morning.night.ledger.rows()}  # fmt: skip
    assert stand == {
        (media(n), kind): state
        for n in (1, 2)
        for kind, state in (("AIMediaDNA", "in_doubt"), ("AIVideoTag", "pending"))
    }
    several = console.run("resolve", "--all", "--adopt", "j", "--yes", code=ExitCode.USAGE)
    assert "--type" in several.stderr
    console.run("resolve", "--all", "--absent", "--yes")
    assert "nothing is in doubt" in console.run("resolve", "--all").stdout


@pytest.mark.parametrize(
    "words",
    [[], ["--all", "m"], ["m", "--absent", "--resend"], ["--all", "--adopt", "j", "--absent"]],
)
def test_words_that_contradict_each_other_are_refused(console: Console, words: list[str]) -> None:
    """One doubt or all of them, one word or none."""
    console.run("resolve", *words, code=ExitCode.USAGE)


async def test_the_evidence_says_when_the_cloud_cannot_be_asked(desk: Desk) -> None:
    """An operator may decide all the same; the gap in the evidence is shown."""
    desk.morning.night.emulator.fault("error_500", action="ListJobInfo")
    shown = desk.console.run("resolve", media(1), code=ExitCode.DONE_WITH_DOUBTS).stdout
    assert "cannot be asked" in shown


@pytest.mark.parametrize("word", [[], ["--absent"], ["--adopt", "j"], ["--disown"]])
async def test_a_mistyped_media_id_is_refused(
    console: Console, morning: Morning, word: list[str]
) -> None:
    """Nothing of it is in doubt, but nobody meant that one; a near miss is named."""
    await morning.doubt([1])
    ended = console.run("resolve", media(1)[:-1], *word, "--yes", code=ExitCode.USAGE)
    assert f"no submission of {media(1)[:-1]} in target " in ended.stderr
    assert f"did you mean {media(1)}" in ended.stderr
