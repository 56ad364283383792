"""The cloud's look-ups are held to account: their silence alone proves nothing."""

from collections.abc import Callable

import pytest

from batch.core.states import State
from batch.ledger.learnt import Lessons
from tests.support.ledger import DNA
from tests.support.rewording import hours_off, in_details, rewording
from tests.support.settling import AT_ONCE, WORLDS, Morning, learn, strange_job


@pytest.fixture
def world() -> str:
    """Only the cloud's look-ups are held to account."""
    return WORLDS[1]


async def test_without_any_known_job_an_empty_list_proves_nothing(
    morning_under: Callable[[str], Morning],
) -> None:
    """The very first request of a type is in doubt, and look-ups do not list that type at all."""
    morning = morning_under("[lookup]\ncovers = []")
    [row] = await morning.doubt([1])
    summary = await morning.reconcile(settle=AT_ONCE)
    assert summary.needs_operator == 1
    await morning.night.submit()
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1


async def test_an_old_known_job_says_nothing_about_how_late_look_ups_are(
    morning_under: Callable[[str], Morning],
) -> None:
    """The newest job that we know is of yesterday; look-ups show jobs after two hours."""
    morning = morning_under("[lookup]\nvisible_after_seconds = 7200")
    await morning.witness()
    [witness] = await morning.night.ledger.rows()
    old = strange_job(morning.night.emulator, 900, age=86_400)
    await morning.night.ledger.sql.execute(
        "UPDATE submissions SET job_id = $2, submitted_at = now() - interval '1 day' WHERE id = $1",
        witness["id"], old,
    )  # fmt: skip
    [row] = await morning.doubt([1])
    summary = await morning.reconcile(settle=AT_ONCE)
    assert summary.needs_operator == 1
    await morning.night.submit()
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1


async def test_a_younger_known_job_holds_the_look_up_to_account(morning: Morning) -> None:
    """A lost request is sent again once a job that is younger than it shows in the look-up."""
    [row] = await morning.doubt([1], fault="drop_before")
    await learn(morning.night.ledger, DNA)
    await morning.witness()
    assert (await morning.reconcile(settle=AT_ONCE)).needs_operator == 1
    await morning.long_after()
    assert (await morning.reconcile()).settled == {"absent": 1}
    assert await morning.night.ledger.state(row) is State.PENDING
    await morning.night.submit()
    assert morning.submits(1) == 1


async def test_a_list_cut_short_proves_no_absence(
    morning_under: Callable[[str], Morning],
) -> None:
    """Newer automatic jobs push ours off the list."""
    morning = morning_under("[lookup]\nmax_entries = 1")
    await morning.witness()
    [row] = await morning.doubt([1])
    strange_job(morning.night.emulator, 1, trigger="auto")
    summary = await morning.reconcile(settle=AT_ONCE)
    assert summary.needs_operator == 1
    assert "may be cut short" in (await morning.night.ledger.row(row))["error_message"]
    await morning.night.submit()
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1


async def test_a_witness_in_other_words_is_none(morning: Morning) -> None:
    """The newest known job is shown with a time by which ours would not be found: no absence."""
    [row] = await morning.doubt([1], fault="drop_before")
    await morning.long_after()
    async with rewording(morning.night.emulator.url, ListJobInfo=hours_off(8)) as url:
        summary = await morning.reconcile(endpoint=url)
    assert (summary.settled, summary.needs_operator) == ({}, 1)
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert (await morning.reconcile()).settled == {"absent": 1}


async def test_a_page_of_the_oldest_jobs_proves_no_absence(
    morning_under: Callable[[str], Morning],
) -> None:
    """Older automatic jobs fill a list that shows the oldest first, and ours is behind its end."""
    morning = morning_under('[lookup]\nmax_entries = 10\norder = "oldest"')
    await morning.witness()
    for age in range(10):
        strange_job(morning.night.emulator, 1, trigger="auto", age=100_000.0 + age)
    [row] = await morning.doubt([1])
    await morning.long_after()
    assert (await morning.reconcile()).needs_operator == 1
    assert "may be cut short" in (await morning.night.ledger.row(row))["error_message"]
    await morning.night.submit()
    assert morning.submits(1) == 1


async def test_known_jobs_teach_what_no_probe_has(morning: Morning) -> None:
    """At the cloud twenty of our own jobs, looked up for nothing, let absence count."""
    ledger = morning.night.ledger
    [row] = await morning.doubt([1], fault="drop_before")
    await ledger.sql.execute(
        "UPDATE attempts SET signed_at = signed_at - interval '2 hours', "
        "begun_at = begun_at - interval '2 hours'"
    )
    await ledger.add(range(100, 119))
    await morning.night.submit()
    words = in_details(JobType="AIVideoFPShot", Trigger="API")
    async with rewording(morning.night.emulator.url, GetJobDetail=words) as url:
        assert (await morning.reconcile(endpoint=url)).needs_operator == 1
        await ledger.add([119])
        await morning.night.submit()
        assert (await morning.reconcile(endpoint=url)).settled == {"absent": 1}
    assert await ledger.state(row) is State.PENDING
    kind = (await Lessons(ledger.database, ledger.store.target).read()).of(DNA)
    assert kind.detail_words == frozenset({"AIVideoFPShot"})
    assert kind.triggers == frozenset({"API"})
    assert (len(kind.jobs), kind.delay_seconds) == (20, None)
