"""An answer to two types, understood for one of them: the other one's job is not paid again."""

import json
import random

import pytest

from batch.core.classify import classify
from batch.core.models import JobType
from batch.core.outcome import Answer
from batch.core.states import State
from batch.core.verdict import judge
from tests.support.ledger import DNA, TAG, media
from tests.support.settling import Morning, strange_job


async def _answered(morning: Morning, entries: list[dict[str, str]]) -> dict[JobType, int]:
    """Begin both types of a media and record this answer; return the submissions."""
    ledger = morning.night.ledger
    rows = dict(zip((DNA, TAG), await ledger.add([1], DNA, TAG), strict=True))
    (claim,) = await ledger.begin()
    body = json.dumps({"RequestId": "R", "AIJobList": {"AIJob": entries}})
    outcome = classify(Answer(200, body.encode()), media(1), claim.types)
    verdicts = judge(claim, outcome, max_attempts=8, dice=random.Random(1))
    await ledger.store.record(verdicts, "test")
    assert await ledger.state(rows[TAG]) is State.IN_DOUBT
    return rows


def _entry(job_id: str, job_type: str = DNA.value, media_id: str = media(1)) -> dict[str, str]:
    return {"JobId": job_id, "Type": job_type, "MediaId": media_id}


@pytest.mark.parametrize("odd", [{"job_type": "aivideotag"}, {"media_id": ""}])
async def test_a_job_that_the_answer_named_oddly_is_found(
    morning: Morning, odd: dict[str, str]
) -> None:
    """Its JobId stands among the receipts of the other type, and is adopted all the same."""
    await morning.witness(900, DNA, TAG)
    made = {one: strange_job(morning.night.emulator, 1, job_type=one) for one in (DNA, TAG)}
    entries = [_entry(made[DNA]), _entry(made[TAG], **({"job_type": TAG.value} | odd))]
    rows = await _answered(morning, entries)
    summary = await morning.reconcile()
    assert summary.settled == {"adopted": 1}
    assert (await morning.night.ledger.row(rows[TAG]))["job_id"] == made[TAG]
    assert summary.extra_charges == 0


@pytest.mark.parametrize("named", [TAG.value, "AIVideoTagging"])
async def test_a_job_that_no_look_up_shows_as_the_types_is_for_a_person(
    morning: Morning, named: str
) -> None:
    """One job for both types, or one of a type that we do not know: absence is not proven."""
    await morning.witness(900, DNA, TAG)
    job_id = strange_job(morning.night.emulator, 1)
    other = job_id if named == TAG.value else "unlisted"
    rows = await _answered(morning, [_entry(job_id), _entry(other, named)])
    summary = await morning.reconcile()
    assert (summary.settled, summary.needs_operator) == ({}, 1)
    assert await morning.night.ledger.state(rows[TAG]) is State.IN_DOUBT
