"""Look-up: whose job is it? Ours is adopted, nobody else's ever is."""

from collections.abc import Callable

import pytest

from batch.core.states import State
from tests.support.ledger import DNA, TAG, media
from tests.support.settling import WORLDS, Morning, strange_job


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Every rule holds for a stand-in that is believed, and for one that plays the cloud."""
    return str(request.param)


async def test_a_job_whose_answer_was_lost_is_found(morning: Morning) -> None:
    """The job is adopted with its JobId, polled to its end, and no second one is made."""
    rows = await morning.doubt([1, 2], DNA, TAG)
    summary = await morning.reconcile()
    assert (summary.settled, summary.in_doubt) == ({"adopted": 4}, 0)
    assert summary.ended == {State.SUCCEEDED: 4}
    theirs = {
        (job["media_id"], job["type"]): job["job_id"] for job in morning.night.emulator.jobs()
    }
    ours = {(row["media_id"], row["job_type"]): row["job_id"]
            for row in await morning.night.ledger.rows()}  # fmt: skip
    assert ours == theirs
    assert len(rows) == len(theirs) == 4


@pytest.mark.parametrize(
    ("trigger", "age"),
    [("auto", 0.0), ("auto", 3.0), ("manual", 1200.0), ("manual", 3 * 86_400.0)],
    ids=["automatic", "automatic, older", "another program's, older", "another program's, old"],
)
@pytest.mark.parametrize("made", [True, False], ids=["ours was made", "ours was not made"])
async def test_a_strange_job_is_never_adopted(
    morning: Morning, trigger: str, age: float, made: bool
) -> None:
    """Automatic jobs and jobs older than the intent are not ours, whether ours exists or not."""
    _reach_back(morning)
    strange = strange_job(morning.night.emulator, 1, trigger=trigger, age=age)
    [row] = await morning.doubt([1], fault="accept_then_drop" if made else "drop_before")
    if not made:
        await morning.long_after()
    summary = await morning.reconcile()
    assert summary.settled == ({"adopted": 1} if made else {"absent": 1})
    await morning.night.submit()
    kept = (await morning.night.ledger.row(row))["job_id"]
    assert kept
    assert kept != strange
    assert morning.submits(1) == 1


async def test_a_job_of_a_machine_whose_clock_was_off_is_not_paid_again(morning: Morning) -> None:
    """The clock that signed was ten minutes fast, ours is right: the job seems older than it is.

    It stays in doubt and is not sent again: a person sees the job and decides.
    """
    job_id = strange_job(morning.night.emulator, 1, age=600.0)
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.long_after()
    summary = await morning.reconcile()
    assert (summary.settled, summary.needs_operator) == ({}, 1)
    kept = await morning.night.ledger.row(row)
    assert kept["state"] == State.IN_DOUBT
    assert job_id in kept["error_message"]


def _reach_back(morning: Morning) -> None:
    """Let the list of the media begin before the request, or it may have been cut short."""
    strange_job(morning.night.emulator, 1, trigger="auto", age=60.0)


async def test_a_strange_job_of_another_type_is_never_adopted(morning: Morning) -> None:
    """A manual job in the window, of the other type, is not ours."""
    _reach_back(morning)
    [row] = await morning.doubt([1], DNA, fault="drop_before")
    strange_job(morning.night.emulator, 1, job_type=TAG)
    await morning.long_after()
    assert (await morning.reconcile()).settled == {"absent": 1}
    assert (await morning.night.ledger.row(row))["job_id"] is None


async def test_a_job_that_the_ledger_knows_is_never_adopted(morning: Morning) -> None:
    """The same media under another campaign has a job of its own; it is not taken twice."""
    await morning.night.ledger.add([1])
    await morning.night.submit()
    rows = await morning.night.ledger.add([1], campaign="again")
    morning.night.emulator.fault("drop_before", media_id=media(1), count=1)
    await morning.night.submit()
    assert await morning.night.ledger.state(rows[0]) is State.IN_DOUBT
    await morning.long_after()
    assert (await morning.reconcile()).settled == {"absent": 1}


async def test_two_jobs_that_fit_are_for_a_person(morning: Morning) -> None:
    """Another program made a manual job of the same media and type in the same minutes: we ask."""
    [row] = await morning.doubt([1])
    other = strange_job(morning.night.emulator, 1)
    for _ in range(2):
        summary = await morning.reconcile()
        assert (summary.settled, summary.needs_operator, summary.in_doubt) == ({}, 1, 1)
    note = (await morning.night.ledger.row(row))["error_message"]
    assert f"vod-batch resolve {media(1)}" in note
    assert other in note
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.night.emulator.submits() == 1


async def test_an_entry_missing_from_the_answer_is_found(morning: Morning) -> None:
    """Both jobs were made, the answer named one: the other is found, not made again."""
    rows = await morning.night.ledger.add([1], DNA, TAG)
    morning.night.emulator.fault("answer_one_type", type="AIMediaDNA", count=1)
    await morning.night.submit()
    states = [await morning.night.ledger.state(row) for row in rows]
    assert states == [State.SUBMITTED, State.IN_DOUBT]
    assert (await morning.reconcile()).settled == {"adopted": 1}
    await morning.night.submit()
    assert len(morning.night.emulator.jobs()) == 2


async def test_a_type_that_was_not_accepted_is_sent_again_alone(morning: Morning) -> None:
    """Of two types one was made: the other is proven absent, sent again, and made once."""
    await morning.night.ledger.add([1], DNA, TAG)
    morning.night.emulator.fault("accept_one_type", type="AIMediaDNA", count=1)
    await morning.night.submit()
    await morning.witness(900, DNA, TAG)
    await morning.long_after()
    assert (await morning.reconcile()).settled == {"absent": 1}
    await morning.night.submit()
    made = sorted(job["type"] for job in morning.night.emulator.jobs()
                  if job["media_id"] == media(1))  # fmt: skip
    assert made == ["AIMediaDNA", "AIVideoTag"]


async def test_a_failed_look_up_leaves_the_doubt(morning: Morning) -> None:
    """No answer of the cloud is no proof of absence."""
    [row] = await morning.doubt([1])
    for action in ("ListJobInfo", "GetJobDetail"):
        morning.night.emulator.forget_faults()
        morning.night.emulator.fault("error_500", action=action)
        summary = await morning.reconcile()
        assert (summary.settled, summary.in_doubt) == ({}, 1)
        assert await morning.night.ledger.state(row) is State.IN_DOUBT
    morning.night.emulator.forget_faults()
    assert (await morning.reconcile()).settled == {"adopted": 1}


UNSEEN: dict[str, str] = {
    "not visible yet": "[lookup]\nvisible_after_seconds = 3600",
    "types not covered": "[lookup]\ncovers = []",
    "this type not covered": '[lookup]\ncovers = ["AIVideoTag"]',
}


@pytest.mark.parametrize("toml", UNSEEN.values(), ids=UNSEEN.keys())
async def test_a_look_up_that_hides_known_jobs_proves_no_absence(
    morning_under: Callable[[str], Morning], toml: str
) -> None:
    """As long as a job that we know is not shown, an empty list leads to no second payment."""
    morning = morning_under(toml)
    [row] = await morning.doubt([1])
    await morning.witness()
    for _ in range(3):
        summary = await morning.reconcile()
        assert (summary.settled, summary.in_doubt) == ({}, 1)
        await morning.night.submit()
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1


async def test_a_job_that_becomes_visible_late_is_adopted(
    morning_under: Callable[[str], Morning],
) -> None:
    """The doubt waits while the look-up is behind, and ends with its job."""
    morning = morning_under("[lookup]\nvisible_after_seconds = 1.5")
    [row] = await morning.doubt([1])
    await morning.witness()
    summary = await morning.reconcile(once=False)
    assert summary.settled == {"adopted": 1}
    assert await morning.night.ledger.state(row) is State.SUCCEEDED
    assert morning.submits(1) == 1
