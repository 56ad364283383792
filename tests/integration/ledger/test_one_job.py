"""A JobId belongs to one submission: a second one keeps it as a receipt, and is in doubt."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from batch.core.models import Claim
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.doubts import Doubts, ExtraCharge, Settlement
from batch.ledger.journal import Journal
from batch.ledger.recovery import replay_journals
from tests.support.ledger import TAG, UNPRICED, Ledger, media
from tests.support.waiting import soon


def _accepted(claim: Claim, job_id: str) -> Verdict:
    member = claim.members[0]
    return Verdict(member.id, member.lease, "accepted", State.SUBMITTED, 200, job_id=job_id)


def _doubts(ledger: Ledger) -> Doubts:
    return Doubts(ledger.database, ledger.store.target)


async def _stand(ledger: Ledger) -> list[tuple[str, str | None]]:
    return [(row["state"], row["job_id"]) for row in await ledger.rows()]


async def _is_a_receipt(ledger: Ledger, submission: int, job_id: str) -> bool:
    [attempt] = await ledger.attempts(submission)
    assert (attempt["outcome"], attempt["job_id"]) == ("in_doubt", None)
    assert job_id in attempt["message"]
    return bool(attempt["extra_job_ids"] == [job_id])


@pytest.mark.parametrize("together", [True, False], ids=["in one group", "one after the other"])
async def test_a_second_submission_with_a_job_is_in_doubt(ledger: Ledger, together: bool) -> None:
    """The group is committed, the JobId stays with the first, and the log and status say so."""
    rows = await ledger.add([1, 2, 3])
    claims = await ledger.begin(3)
    verdicts = [_accepted(claim, job) for claim, job in zip(claims, "xxy", strict=True)]
    with capture_logs() as logs:
        for group in [verdicts] if together else [[one] for one in verdicts]:
            assert await ledger.store.record(group, "test") == []
    assert await _stand(ledger) == [("submitted", "x"), ("in_doubt", None), ("submitted", "y")]
    assert await _is_a_receipt(ledger, rows[1], "x")
    assert [entry["submissions"] for entry in logs if "another" in entry["event"]] == [[rows[1]]]
    charge = ExtraCharge(rows[1], media(2), "AIMediaDNA", "in_doubt", ("x",))
    assert await _doubts(ledger).extra_charges() == [charge]
    await ledger.check()


async def test_two_campaigns_with_one_job_are_reported(ledger: Ledger) -> None:
    """The same media and type twice, and the cloud names one job: the second has none."""
    rows = [*(await ledger.add([1])), *(await ledger.add([1], campaign="again"))]
    for _ in rows:
        [claim] = await ledger.begin()
        await ledger.store.record([_accepted(claim, "x")], "test")
    assert await _stand(ledger) == [("submitted", "x"), ("in_doubt", None)]
    [charge] = await _doubts(ledger).extra_charges()
    assert (charge.submission_id, charge.job_ids) == (rows[1], ("x",))


async def test_a_repeated_record_says_the_same(ledger: Ledger) -> None:
    """What a lost connection makes us write again finds its own job its own."""
    await ledger.add([1])
    verdicts = [_accepted(claim, "x") for claim in await ledger.begin()]
    for _ in range(2):
        await ledger.store.record(verdicts, "test")
    assert await _stand(ledger) == [("submitted", "x")]
    assert await _doubts(ledger).extra_charges() == []


async def test_two_that_record_one_job_at_once(ledger: Ledger, database_url: str) -> None:
    """The later commit meets the index, looks again, and keeps the JobId as a receipt."""
    rows = await ledger.add([1, 2, 3])
    claims = await ledger.begin(3)
    verdicts = [_accepted(claim, job) for claim, job in zip(claims, "xxy", strict=True)]
    watcher = await asyncpg.connect(database_url)

    async def waits() -> bool:
        return bool(await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    async with ledger.sql.transaction():
        await ledger.sql.execute(
            "UPDATE submissions SET state = 'submitted', job_id = 'x', submitted_at = now() "
            "WHERE id = $1", rows[0],
        )  # fmt: skip
        recording = asyncio.create_task(ledger.store.record(verdicts[1:], "test"))
        await soon(waits, "a record that waits for the other one")
    assert await recording == []
    assert await _stand(ledger) == [("submitted", "x"), ("in_doubt", None), ("submitted", "y")]
    assert await _is_a_receipt(ledger, rows[1], "x")
    await watcher.close()


async def test_a_journal_with_one_job_for_two_is_read_whole(ledger: Ledger, tmp_path: Path) -> None:
    """A dead worker's journal says the same of two submissions: nothing aborts, one is in doubt."""
    rows = await ledger.add([1, 2])
    worker = await ledger.worker()
    journal = Journal(tmp_path, worker, ledger.store.target)
    for claim in await ledger.begin(2, worker=worker):
        journal.append([journal.intent_line(claim)])
        journal.append([journal.answer_line(claim, [_accepted(claim, "x")])])
    journal.close()
    for expected in (2, 0):
        target = ledger.store.target
        replayed = await replay_journals(ledger.database, target, tmp_path, UNPRICED)
        assert replayed.touched == expected
    assert await _stand(ledger) == [("submitted", "x"), ("in_doubt", None)]
    assert await _is_a_receipt(ledger, rows[1], "x")


async def test_two_doubts_settled_with_one_job(ledger: Ledger) -> None:
    """One statement that would give a job to two gives it to the first; the other stays."""
    worker = await ledger.worker()
    rows = [await ledger.put(n, State.IN_DOUBT, worker) for n in (1, 2)]
    settlements = [Settlement(row, 1, "x", "seen") for row in rows]
    assert set(await _doubts(ledger).settle(settlements, "test")) == {rows[0]}
    assert await _stand(ledger) == [("submitted", "x"), ("in_doubt", None)]


async def test_two_that_are_to_be_sent_adopt_one_late_job(ledger: Ledger) -> None:
    """Late receipts of two submissions name one job: one takes it, the start goes on."""
    worker = await ledger.worker()
    rows = [await ledger.put(n, State.IN_DOUBT, worker) for n in (1, 2)]
    await ledger.sql.execute("UPDATE submissions SET state = 'pending', actor = 'test'")
    await ledger.sql.execute("UPDATE attempts SET job_id = 'x', is_stray = true")
    assert await ledger.store.adopt_strays("test") == [rows[0]]
    assert await _stand(ledger) == [("submitted", "x"), ("pending", None)]


async def test_a_job_of_the_other_type_is_anothers_too(ledger: Ledger) -> None:
    """Half an answer gone wrong: both types are said to be one job."""
    await ledger.add([1], TAG)
    await ledger.add([2])
    claims = await ledger.begin(2)
    await ledger.store.record([_accepted(claim, "x") for claim in claims], "test")
    assert sorted(await _stand(ledger), key=str) == [("in_doubt", None), ("submitted", "x")]
