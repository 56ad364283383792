"""Jobs that the cloud has made by itself are taken, and not paid for once more."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from batch.core.states import State
from batch.errors import ExitCode, UnavailableError
from batch.submit.tally import RunSummary, StopReason
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, Ledger, media
from tests.support.money import set_lengths
from tests.support.night import Night
from tests.support.other_words import speaking
from tests.support.settling import Morning, post, strange_job

PRICED: dict[str, Any] = {"prices": {"AIMediaDNA": Decimal("0.05")}}


def uploaded(emulator: Emulator, numbers: Iterable[int], age: float = 3600.0) -> list[str]:
    """Let the cloud have made the DNA jobs that follow uploads; return their ids."""
    body = {"media_ids": [media(n) for n in numbers], "age_seconds": age}
    return list(post(emulator, "auto_jobs", body)["job_ids"])


def looks(summary: RunSummary) -> tuple[int, int, int]:
    """Return media looked at, submissions given a job, submissions put off."""
    assert summary.existing
    return summary.existing.looked_at, summary.existing.adopted, summary.existing.put_off


async def jobs_of(ledger: Ledger) -> list[str | None]:
    """Return the JobId of every submission, in manifest order."""
    return [row["job_id"] for row in await ledger.rows()]


async def test_what_every_upload_was_given_is_not_paid_again(night: Night) -> None:
    """Nothing is sent; every row has its job, its result and no cost, and the saving is told."""
    jobs = uploaded(night.emulator, range(50))
    await night.ledger.add(range(50))
    await set_lengths(night.ledger, dict.fromkeys(range(50), 2))
    summary = await night.submit(budget=Decimal(0), **PRICED)
    assert night.emulator.submits() == 0
    assert summary.stopped_by is StopReason.NOTHING_DUE
    assert summary.exit_codes == ()
    assert looks(summary) == (50, 50, 0)
    assert summary.existing
    assert (summary.existing.saved, summary.existing.currency) == (Decimal("5.00"), "CNY")
    assert await jobs_of(night.ledger) == jobs
    await Morning(night).reconcile()
    await night.ledger.check(night.emulator.jobs())
    rows = await night.ledger.sql.fetch("SELECT * FROM submissions")
    assert {(r["state"], r["price"], r["amount"], r["run_id"]) for r in rows} == {
        ("succeeded", 0, None, None)
    }
    assert await night.ledger.sql.fetchval("SELECT sum(amount) FROM spending") == 0


async def test_after_a_hit_every_media_of_the_list_is_looked_at(night: Night) -> None:
    """Every third has a job, also far behind the first twenty; the others are sent, once each."""
    there = range(0, 90, 3)
    jobs = uploaded(night.emulator, there)
    await night.ledger.add(range(90))
    summary = await night.submit()
    assert looks(summary) == (90, 30, 0)
    assert night.emulator.submits() == 60
    known = await jobs_of(night.ledger)
    assert [known[n] for n in there] == jobs
    meter = night.emulator.meter()
    assert (meter["jobs"], meter["jobs_auto"]) == (90, 30)
    await night.ledger.check(night.emulator.jobs())


async def test_without_a_hit_only_a_sample_is_looked_at(night: Night) -> None:
    """Twenty free calls a list and type, once: neither the rest of it nor the next run asks."""
    await night.ledger.add(range(50))
    summary = await night.submit(max_submissions=30)
    assert looks(summary) == (20, 0, 0)
    await night.submit()
    assert night.emulator.asked("ListJobInfo") == 20
    await night.check(submitted=50)


async def test_a_hit_speaks_of_its_own_list_only(night: Night) -> None:
    """The list beside it is sampled, and sent as it is."""
    uploaded(night.emulator, range(30))
    await night.ledger.add(range(30))
    await night.ledger.add(range(100, 140))
    summary = await night.submit()
    assert looks(summary) == (50, 30, 0)
    assert night.emulator.submits() == 40


async def test_a_campaign_of_its_own_is_sent_again(night: Night) -> None:
    """Another campaign is an operator's word to submit again: nothing is looked at."""
    uploaded(night.emulator, range(10))
    await night.ledger.add(range(10), campaign="again")
    for mode in ("auto", "always"):
        summary = await night.submit(skip_existing=mode)
        assert looks(summary) == (0, 0, 0)
    assert night.emulator.submits() == 10
    assert night.emulator.asked("ListJobInfo") == 0


@pytest.mark.parametrize(("mode", "sent", "asked"), [("never", 30, 0), ("always", 29, 30)])
async def test_a_mode_is_an_operators_word(night: Night, mode: str, sent: int, asked: int) -> None:
    """``never`` asks nothing; ``always`` finds what a sample of the first twenty would miss."""
    uploaded(night.emulator, [27])
    await night.ledger.add(range(30))
    summary = await night.submit(skip_existing=mode)
    assert night.emulator.submits() == sent
    assert night.emulator.asked("ListJobInfo") == asked
    assert (summary.existing is None) == (mode == "never")


async def test_one_type_is_there_and_the_other_is_sent(night: Night) -> None:
    """The automatic job is of DNA; the tags of the same media are paid for, and DNA is not."""
    jobs = uploaded(night.emulator, range(5))
    await night.ledger.add(range(5), DNA, TAG)
    await night.submit()
    made = [job for job in night.emulator.jobs() if job["job_id"] not in jobs]
    assert [job["type"] for job in made] == [TAG] * 5
    await night.ledger.check(night.emulator.jobs())


async def test_the_newest_success_is_taken(night: Night) -> None:
    """Of several that succeeded the newest; the day of the job is the day it was made on."""
    [old] = uploaded(night.emulator, [1], age=9000)
    [new] = uploaded(night.emulator, [1], age=5000)
    (row,) = await night.ledger.add([1])
    await night.submit()
    assert (await night.ledger.row(row))["job_id"] == new != old
    made = {j["job_id"]: datetime.fromisoformat(j["created_at"]) for j in night.emulator.jobs()}
    told = (await night.ledger.row(row))["submitted_at"]
    assert abs((told - made[new]).total_seconds()) <= 1


async def test_another_configuration_is_another_job(night: Night) -> None:
    """A row with a configuration is sent although a job without one is there."""
    uploaded(night.emulator, range(3))
    await night.ledger.add(range(3), config='{"AIMediaDNA":{"DNADBId":"mine"}}')
    summary = await night.submit()
    assert looks(summary) == (3, 0, 0)
    assert night.emulator.submits() == 3


async def test_a_job_that_is_somebodys_is_nobody_elses(night: Night) -> None:
    """A job that a submission of ours holds, of another campaign, is not taken a second time."""
    await night.ledger.add(range(3), campaign="first")
    await night.submit()
    await night.ledger.add(range(3))
    await night.submit(skip_existing="always")
    assert night.emulator.submits() == 6
    assert len(set(await jobs_of(night.ledger))) == 6


async def test_a_job_that_may_be_a_doubts_is_left_to_it(night: Night) -> None:
    """While another submission of the media and type is in doubt, the job may be its own."""
    doubt = (await night.ledger.add([1], campaign="first"))[0]
    night.emulator.fault("accept_then_drop", count=1)
    await night.submit()
    assert await night.ledger.state(doubt) is State.IN_DOUBT
    (row,) = await night.ledger.add([1])
    await night.submit(skip_existing="always")
    assert await night.ledger.state(row) is State.PENDING
    assert night.emulator.submits() == 1


async def test_a_job_that_failed_is_none(
    start_emulator: Callable[[str], Emulator], night: Night
) -> None:
    """A failed job is free and has no result: the row is sent."""
    emulator = start_emulator("jobs.fail_ratio = 1.0")
    uploaded(emulator, range(3))
    await night.ledger.add(range(3))
    summary = await replace(night, emulator=emulator).submit(lookup_qps=12.0)
    assert looks(summary) == (3, 0, 0)
    assert emulator.submits() == 3


async def test_nothing_is_paid_beside_a_job_that_runs(
    start_emulator: Callable[[str], Emulator], night: Night
) -> None:
    """The row waits with that reason; once the job has succeeded it is the row's."""
    emulator = start_emulator(
        "jobs.finished_after_seconds = 3600\ngateway.clock_tolerance_seconds = 100000"
    )
    jobs = uploaded(emulator, range(3), age=60)
    await night.ledger.add(range(3))
    here = replace(night, emulator=emulator)
    summary = await here.submit()
    assert looks(summary) == (3, 0, 3)
    assert summary.exit_codes == (ExitCode.CARRIED_OVER,)
    rows = await night.ledger.rows()
    assert {row["state"] for row in rows} == {"pending"}
    assert rows[0]["error_message"] == f"job {jobs[0]} of this media and type has not ended"
    emulator.move_clock(hours=2)
    await night.ledger.sql.execute("UPDATE submissions SET due_at = now()")
    await night.ledger.sql.execute("UPDATE job_looks SET holds_until = now()")
    await here.submit()
    assert emulator.submits() == 0
    assert await jobs_of(night.ledger) == jobs


async def test_a_list_loaded_while_the_run_goes_on_is_looked_at_too(night: Night) -> None:
    """What was begun unseen is given back as never sent, and gets its job."""
    await night.ledger.add(range(6))
    async with night.running(concurrency=2, qps=5.0) as run:
        await night.arrived(1)
        jobs = uploaded(night.emulator, range(50, 60))
        await night.ledger.add(range(50, 60), priority=9)
        await run
    assert {job["media_id"] for job in night.emulator.jobs() if job["request_id"]} == {
        media(n) for n in range(6)
    }
    assert (await jobs_of(night.ledger))[6:] == jobs
    await night.ledger.check(night.emulator.jobs())


async def test_a_row_that_was_begun_unseen_is_never_sent(night: Night) -> None:
    """Rows that nothing can begin fill the front of the queue: what is behind them is seen too."""
    ledger = night.ledger
    for number in range(20):
        await ledger.add([number], priority=9)
        twin = (await ledger.add([number], campaign="twin"))[0]
        worker = await ledger.worker(ended=True)
        await ledger.move(twin, State.SUBMITTING, worker)
        await ledger.move(twin, State.IN_DOUBT, worker)
    jobs = uploaded(night.emulator, range(100, 110))
    rows = await ledger.add(range(100, 110))
    await night.submit(concurrency=4, skip_existing="always")
    assert night.emulator.submits() == 0
    assert [(await ledger.row(row))["job_id"] for row in rows] == jobs


async def test_what_was_seen_is_not_asked_for_again(night: Night) -> None:
    """A look holds for days: the run after one that could send nothing asks nothing."""
    await night.ledger.add(range(10))
    await set_lengths(night.ledger, dict.fromkeys(range(10), 1))
    for _ in range(2):
        await night.submit(skip_existing="always", budget=Decimal(0), **PRICED)
    assert night.emulator.asked("ListJobInfo") == 10
    assert night.emulator.submits() == 0


async def test_where_looks_fail_auto_sends_without(night: Night) -> None:
    """A cloud that refuses look-ups stops no run: it is told, and asked no more."""
    await night.ledger.add(range(40))
    night.emulator.fault("refuse", action="ListJobInfo", code="Some.Trouble", status=400)
    summary = await night.submit()
    assert summary.existing
    assert summary.existing.gave_up
    assert "Some.Trouble" in summary.existing.gave_up
    assert night.emulator.asked("ListJobInfo") < 20
    await night.check(submitted=40)


async def test_where_one_look_fails_auto_sends_that_row_without(night: Night) -> None:
    """The others are looked at; how many were not is told."""
    uploaded(night.emulator, range(12))
    await night.ledger.add(range(12))
    night.emulator.fault("error_500", action="ListJobInfo", media_id=media(3))
    summary = await night.submit()
    assert looks(summary) == (11, 11, 0)
    assert summary.existing
    assert summary.existing.failed == 1
    assert night.emulator.submits() == 1


async def test_where_looks_fail_always_sends_none(night: Night) -> None:
    """One media that cannot be looked at is put off; when none can be, the run ends with 69."""
    await night.ledger.add(range(12))
    night.emulator.fault("error_500", action="ListJobInfo", media_id=media(3))
    summary = await night.submit(skip_existing="always")
    assert looks(summary) == (11, 0, 1)
    assert night.emulator.submits() == 11
    night.emulator.forget_faults()
    night.emulator.fault("error_500", action="ListJobInfo")
    await night.ledger.add(range(20, 60))
    with pytest.raises(UnavailableError, match="skip-existing always"):
        await night.submit(skip_existing="always")
    assert night.emulator.submits() == 11


async def test_a_throttled_look_is_taken_again(night: Night) -> None:
    """Throttling of free calls slows them down, and costs no row its look."""
    uploaded(night.emulator, range(6))
    await night.ledger.add(range(6))
    night.emulator.fault("throttle", action="ListJobInfo", count=3, retry_after=50)
    night.emulator.fault("throttle", action="GetJobDetail", count=2, retry_after=50)
    summary = await night.submit()
    assert looks(summary) == (6, 6, 0)


@pytest.mark.parametrize(
    ("field", "word", "kept"),
    [
        ("Type", "AIVideoFPShot", "AIVideoFPShot"),
        ("Type", "AIMediaDNA,AIVideoTag", "AIMediaDNA,AIVideoTag"),
        ("Type", None, "None"),
        ("Status", "finished", "finished"),
        ("Status", "Success", "Success"),
        ("Status", "canceled", "canceled"),
        ("Status", None, "None"),
        ("MediaId", "another", "another"),
    ],
)
async def test_a_job_in_unknown_words_is_not_taken(
    night: Night, field: str, word: str | None, kept: str
) -> None:
    """What we have not seen before proves nothing: the rows are sent, and the word is kept."""
    uploaded(night.emulator, range(3))
    await night.ledger.add(range(3))
    async with speaking(night.emulator.url, "ListAIJob", {field: word}) as url:
        summary = await night.submit(endpoint=url)
    assert looks(summary) == (3, 0, 0)
    assert night.emulator.submits() == 3
    seen = await night.ledger.sql.fetch("SELECT action, field, word FROM unseen_words")
    assert ("ListAIJob", field, kept) in {tuple(row) for row in seen}


@pytest.mark.parametrize("config", ['{"Template":"t1"}', "t1", {"Template": "t1"}, ["t1"], 7])
async def test_a_configuration_that_the_cloud_names_is_another(
    night: Night, config: object
) -> None:
    """A job that was made under some template is not one without a configuration."""
    uploaded(night.emulator, range(3))
    await night.ledger.add(range(3))
    async with speaking(night.emulator.url, "GetJobDetail", {"TemplateConfig": config}) as url:
        summary = await night.submit(endpoint=url)
    assert looks(summary) == (3, 0, 0)
    assert night.emulator.submits() == 3


async def test_another_programs_job_is_as_good(night: Night) -> None:
    """What somebody else paid for is paid for: a manual job is taken too."""
    job = strange_job(night.emulator, 1, age=3600)
    await night.ledger.add([1])
    await night.submit()
    assert await jobs_of(night.ledger) == [job]
    assert night.emulator.submits() == 0


async def test_what_was_sent_before_is_given_no_strange_job(night: Night) -> None:
    """An operator has a failed job tried again: another's job of the media does not stand in."""
    [row] = await night.ledger.add([1])
    await night.submit()
    await night.ledger.move(row, State.FAILED)
    uploaded(night.emulator, [1])
    await night.ledger.sql.execute(
        "UPDATE attempts SET closed_by = 'operator' WHERE submission_id = $1", row
    )
    await night.ledger.sql.execute(
        "UPDATE submissions SET state = 'pending', job_id = NULL, submitted_at = NULL, "
        "finished_at = NULL, error_code = NULL WHERE id = $1", row,
    )  # fmt: skip
    summary = await night.submit(skip_existing="always")
    assert night.emulator.submits() == 2
    assert looks(summary)[1] == 0
