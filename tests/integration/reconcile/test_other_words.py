"""A cloud that speaks in other words than ours: no word of it is taken for proof of absence."""

from typing import Any

import pytest

from batch.core.states import State
from tests.support.ledger import DNA, media
from tests.support.rewording import (
    Reword,
    hours_off,
    in_details,
    in_job_infos,
    in_listed_jobs,
    rewording,
)
from tests.support.settling import WORLDS, Morning


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Every rule holds for a stand-in that is believed, and for one that plays the cloud."""
    return str(request.param)


DETAIL_WORDS: dict[str, Reword] = {
    "AIVideoFPShot": in_details(JobType="AIVideoFPShot"),
    "AIVideoMCU": in_details(JobType="AIVideoMCU"),
    "ai": in_details(JobType="ai"),
    "no Trigger": in_details(Trigger=None),
    "Trigger API": in_details(Trigger="API"),
}


@pytest.mark.parametrize("words", DETAIL_WORDS.values(), ids=DETAIL_WORDS.keys())
async def test_details_in_other_words_hide_no_job(morning: Morning, words: Reword) -> None:
    """ListAIJob names the type, so the job of each doubt is adopted, and nothing is paid twice."""
    rows = await morning.doubt([1, 2, 3])
    async with rewording(morning.night.emulator.url, GetJobDetail=words) as url:
        summary = await morning.reconcile(endpoint=url)
        await morning.night.submit(endpoint=url)
    assert summary.settled == {"adopted": 3}
    assert [morning.submits(number) for number in (1, 2, 3)] == [1, 1, 1]
    assert {await morning.night.ledger.state(row) for row in rows} <= {
        State.SUBMITTED,
        State.SUCCEEDED,
    }


def _twice(*types: str) -> Reword:
    """Tell of each job twice, under two types."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        jobs = body["AIJobList"]["AIJob"]
        told = [job | {"Type": one} for one in types for job in jobs]
        return body | {"AIJobList": {"AIJob": told}}

    return change


LISTED_WORDS: dict[str, dict[str, Reword]] = {
    "type unknown": {"ListAIJob": in_listed_jobs(Type="AIVideoFPShot")},
    "both types": {"ListAIJob": in_listed_jobs(Type="AIMediaDNA,AIVideoTag")},
    "no type": {"ListAIJob": in_listed_jobs(Type=None)},
    "first ours, then another type": {"ListAIJob": _twice("AIMediaDNA", "AIMediaAudit")},
    "first another type, then ours": {"ListAIJob": _twice("AIMediaAudit", "AIMediaDNA")},
    "8 hours off": {"ListJobInfo": hours_off(8)},
    "8 hours back": {"ListJobInfo": hours_off(-8)},
}


@pytest.mark.parametrize("words", LISTED_WORDS.values(), ids=LISTED_WORDS.keys())
async def test_a_job_that_other_words_hide_is_for_a_person(
    morning: Morning, words: dict[str, Reword]
) -> None:
    """Nothing says that it is another's: it is neither adopted nor proven absent."""
    [row] = await morning.doubt([1])
    async with rewording(morning.night.emulator.url, **words) as url:
        for _ in range(2):
            summary = await morning.reconcile(endpoint=url)
            await morning.night.submit(endpoint=url)
    assert summary.settled == {}
    assert summary.needs_operator + (summary.in_doubt if morning.is_cloud else 0) >= 1
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1


def _dated(when: str) -> dict[str, Reword]:
    """Date every job alike, wherever it is shown."""
    return {
        "ListJobInfo": in_job_infos(lambda job: job | {"CreateTime": when}),
        "ListAIJob": in_listed_jobs(CreationTime=when),
        "GetJobDetail": in_details(CreateTime=when),
    }


ANOTHERS: dict[str, dict[str, Reword]] = {
    "a list of another media": {
        "ListJobInfo": lambda body: body | {"MediaId": media(99), "JobInfoList": []}
    },
    "a list of other jobs": {
        "ListJobInfo": lambda body: body | {"JobType": "transcode", "JobInfoList": []}
    },
    "a detail of another job": {"GetJobDetail": in_details(JobId="f" * 32, Trigger="Auto")},
    "a page of a list": {
        "ListJobInfo": lambda body: body | {"JobInfoList": [], "NextPageToken": "n2"}
    },
    "a page of a counted list": {
        "ListJobInfo": lambda body: body | {"JobInfoList": [], "TotalCount": "1"}
    },
    "the zero of a clock": _dated("1970-01-01T00:00:00Z"),
    "the end of all time": _dated("9999-12-31T23:59:59Z"),
}


@pytest.mark.parametrize("words", ANOTHERS.values(), ids=ANOTHERS.keys())
async def test_an_answer_about_something_else_proves_nothing(
    morning: Morning, words: dict[str, Reword]
) -> None:
    """Neither another's answer nor a part of a list nor a date that is none hides a job."""
    [row] = await morning.doubt([1])
    async with rewording(morning.night.emulator.url, **words) as url:
        for _ in range(2):
            summary = await morning.reconcile(endpoint=url)
            await morning.night.submit(endpoint=url)
    assert summary.settled == {}
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    assert morning.submits(1) == 1
    assert (await morning.reconcile()).settled == {"adopted": 1}


@pytest.mark.parametrize("word", ["canceled", "succeeded", "Finished", None])
async def test_a_status_that_nobody_knows_ends_no_job(morning: Morning, word: str | None) -> None:
    """It stays open, is told with its word, and keeps nobody waiting for ever."""
    [row] = await morning.night.ledger.add([1], DNA)
    await morning.night.submit()
    async with rewording(morning.night.emulator.url, ListAIJob=in_listed_jobs(Status=word)) as url:
        summary = await morning.reconcile(endpoint=url, once=False)
    assert (summary.ended, summary.open_jobs) == ({}, 1)
    assert summary.odd_statuses == {word or "(none)": 1}
    kept = await morning.night.ledger.row(row)
    assert (kept["state"], kept["error_code"]) == (State.SUBMITTED, "StatusUnknown")
    told = await morning.night.ledger.sql.fetch(
        "SELECT word FROM unseen_words WHERE action = 'ListAIJob' AND field = 'Status'"
    )
    assert [one["word"] for one in told] == [word or "(none)"]
    assert (await morning.reconcile()).ended == {State.SUCCEEDED: 1}


async def test_an_earlier_request_that_was_sent_again_on_purpose_is_a_rival(
    morning: Morning,
) -> None:
    """An operator had it resent: the one job in sight may be of either request."""
    ledger = morning.night.ledger
    [row] = await morning.doubt([1], fault="drop_before")
    await ledger.sql.execute("UPDATE submissions SET state = 'pending' WHERE id = $1", row)
    morning.night.emulator.fault("accept_then_drop", media_id=media(1), count=1)
    await morning.night.submit()
    assert await ledger.state(row) is State.IN_DOUBT
    summary = await morning.reconcile()
    assert (summary.settled, summary.needs_operator) == ({}, 1)
    assert "another request" in (await ledger.row(row))["error_message"]
