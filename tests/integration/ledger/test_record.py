"""Record: evidence always, a move only where lease and state allow it."""

import pytest

from batch.core.models import Claim, Worker
from batch.core.states import State
from batch.core.verdict import Verdict
from tests.support.ledger import Ledger


async def _claim(ledger: Ledger, number: int = 1) -> Claim:
    await ledger.add([number])
    (claim,) = await ledger.begin()
    return claim


def _accepted(claim: Claim, job_id: str, **more: object) -> Verdict:
    (member,) = claim.members
    return Verdict(member.id, member.lease, "accepted", State.SUBMITTED, 200, job_id=job_id, **more)  # type: ignore[arg-type]


def _throttled(claim: Claim) -> Verdict:
    (member,) = claim.members
    return Verdict(
        member.id, member.lease, "throttled", State.PENDING, 400, "Throttling.User", counts=False
    )


async def test_an_accepted_row_has_its_receipt(ledger: Ledger) -> None:
    """JobId and RequestId stand on the row and on the attempt, the error columns are empty."""
    claim = await _claim(ledger)
    assert await ledger.store.record([_accepted(claim, "job", request_id="R")], "tester") == []
    row, (attempt,) = (await ledger.rows())[0], await ledger.attempts(claim.members[0].id)
    assert (row["job_id"], row["request_id"], row["error_code"]) == ("job", "R", None)
    assert row["submitted_at"] is not None
    assert (attempt["job_id"], attempt["request_id"], attempt["http_status"]) == ("job", "R", 200)
    last = (await ledger.history(row["id"]))[-1]
    assert (last["actor"], last["reason"]) == ("tester", "accepted")


async def test_a_throttled_row_is_not_penalised(ledger: Ledger) -> None:
    """The attempt does not count and the row is due at once, but the lease stays risen."""
    claim = await _claim(ledger)
    await ledger.store.record([_throttled(claim)], "t")
    (row,) = await ledger.rows()
    assert (row["state"], row["attempts"], row["lease"]) == (State.PENDING, 0, 1)
    assert len(await ledger.begin()) == 1


async def test_backoff_moves_the_due_time(ledger: Ledger) -> None:
    """What was never sent is due again after the backoff, by the database's clock."""
    claim = await _claim(ledger)
    (member,) = claim.members
    verdict = Verdict(
        member.id, member.lease, "not_sent", State.PENDING, message="no", due_in_seconds=600
    )
    await ledger.store.record([verdict], "t")
    due_in = await ledger.sql.fetchval("SELECT extract(epoch FROM due_at - now()) FROM submissions")
    assert 500 < due_in <= 600
    assert await ledger.begin() == []


async def test_a_stale_outcome_leaves_its_evidence_and_moves_nothing(ledger: Ledger) -> None:
    """An answer of an earlier claim is kept on that attempt; the row belongs to the later one."""
    first = await _claim(ledger)
    await ledger.store.record([_throttled(first)], "t")
    (second,) = await ledger.begin()
    (member,) = first.members
    assert await ledger.store.record([_accepted(first, "late")], "t") == [member.id]
    row = await ledger.row(member.id)
    assert (row["state"], row["lease"], row["job_id"]) == (State.SUBMITTING, 2, None)
    old, new = await ledger.attempts(member.id)
    assert (old["outcome"], old["job_id"]) == ("accepted", "late")
    assert (new["outcome"], new["job_id"]) == (None, None)
    await ledger.store.record([_accepted(second, "mine")], "t")
    assert (await ledger.row(member.id))["job_id"] == "mine"
    await ledger.check()


async def test_a_late_receipt_settles_an_expired_doubt(ledger: Ledger) -> None:
    """A worker taken for dead that answers after all turns its doubt into a submitted row."""
    await ledger.add([1])
    worker = await ledger.worker()
    (claim,) = await ledger.begin(worker=worker)
    await ledger.sql.execute("UPDATE workers SET heartbeat_at = now() - interval '1 minute'")
    assert await ledger.store.expire(15, "t") == [claim.members[0].id]
    assert await ledger.store.record([_accepted(claim, "late")], "t") == []
    row, (attempt,) = (await ledger.rows())[0], await ledger.attempts(claim.members[0].id)
    assert (row["state"], row["job_id"], row["error_code"]) == (State.SUBMITTED, "late", None)
    assert (attempt["outcome"], attempt["job_id"]) == ("accepted", "late")
    await ledger.check()


async def test_a_receipt_after_giving_back_is_kept(ledger: Ledger) -> None:
    """A row given back as never sent, not begun since, takes the receipt that comes after all."""
    claim = await _claim(ledger)
    await ledger.store.record([_throttled(claim)], "t")
    assert await ledger.store.record([_accepted(claim, "after all")], "t") == []
    assert (await ledger.rows())[0]["job_id"] == "after all"
    assert await ledger.begin() == []


async def test_a_second_job_of_one_attempt_is_kept_beside_the_first(ledger: Ledger) -> None:
    """A different JobId for the same attempt lands in extra_job_ids; the first one stays."""
    claim = await _claim(ledger)
    await ledger.store.record([_accepted(claim, "one")], "t")
    unmoved = await ledger.store.record([_accepted(claim, "two")], "t")
    assert unmoved == [claim.members[0].id]
    (attempt,) = await ledger.attempts(claim.members[0].id)
    assert (attempt["job_id"], attempt["extra_job_ids"]) == ("one", ["two"])
    assert (await ledger.rows())[0]["job_id"] == "one"


async def test_recording_twice_changes_nothing(ledger: Ledger) -> None:
    """The same outcome again, as after a lost commit, leaves the row and its receipts as is."""
    claim = await _claim(ledger)
    verdict = _accepted(claim, "one", further_job_ids=("stray",))
    await ledger.store.record([verdict], "t")
    before, (attempt,) = await ledger.rows(), await ledger.attempts(claim.members[0].id)
    await ledger.store.record([verdict], "t")
    assert await ledger.rows() == before
    (again,) = await ledger.attempts(claim.members[0].id)
    assert again["job_id"] == "one"
    assert set(again["extra_job_ids"]) == set(attempt["extra_job_ids"]) == {"stray"}


async def test_a_receipt_is_not_overwritten_by_a_later_failure(ledger: Ledger) -> None:
    """Once an attempt is accepted, no other outcome takes its place."""
    claim = await _claim(ledger)
    await ledger.store.record([_accepted(claim, "one")], "t")
    await ledger.store.record([_throttled(claim)], "t")
    (attempt,) = await ledger.attempts(claim.members[0].id)
    assert (attempt["outcome"], attempt["code"], attempt["job_id"]) == ("accepted", None, "one")
    assert (await ledger.rows())[0]["state"] == State.SUBMITTED


async def test_many_outcomes_go_in_one_statement(ledger: Ledger) -> None:
    """One statement takes outcomes of every kind, each row by its own."""
    await ledger.add(range(3))
    claims = await ledger.begin()
    (refused,) = claims[1].members
    verdicts = [
        _accepted(claims[0], "job"),
        Verdict(refused.id, refused.lease, "refused", State.REJECTED, 404, "No.Media", "gone"),
        _throttled(claims[2]),
    ]
    assert await ledger.store.record(verdicts, "t") == []
    assert [row["state"] for row in await ledger.rows()] == ["submitted", "rejected", "pending"]
    rejected = await ledger.row(refused.id)
    assert (rejected["error_code"], rejected["error_message"]) == ("No.Media", "gone")


@pytest.mark.parametrize("ended", [False, True])
async def test_expire_takes_dead_workers_only(ledger: Ledger, ended: bool) -> None:
    """Silent or ended workers lose what they were sending to doubt; the living keep theirs."""
    await ledger.add(range(4))
    dead = await ledger.worker(silent_for=0 if ended else 16, ended=ended)
    alive = await ledger.worker(silent_for=14)
    (lost, _) = [claim.members[0].id for claim in await ledger.begin(2, worker=dead)]
    (kept, _) = [claim.members[0].id for claim in await ledger.begin(2, worker=alive)]
    assert lost in await ledger.store.expire(15, "tester")
    row, (attempt,) = await ledger.row(lost), await ledger.attempts(lost)
    assert (row["state"], row["error_code"]) == (State.IN_DOUBT, "in_doubt")
    assert (attempt["outcome"], attempt["ended_at"] is not None) == ("in_doubt", True)
    assert await ledger.state(kept) is State.SUBMITTING
    assert await ledger.store.expire(15, "tester") == []


async def test_expire_keeps_an_answer_that_came_first(ledger: Ledger) -> None:
    """Evidence that is there already is not replaced by the doubt."""
    claim = await _claim(ledger)
    await ledger.store.record([_accepted(claim, "job")], "t")
    await ledger.sql.execute("UPDATE workers SET ended_at = now()")
    assert await ledger.store.expire(15, "t") == []
    assert (await ledger.attempts(claim.members[0].id))[0]["outcome"] == "accepted"


async def test_expire_takes_a_forgotten_worker_for_dead(ledger: Ledger) -> None:
    """A failover that loses a worker's row must not leave its submissions held for ever."""
    worker = await ledger.worker()
    row = await ledger.put(1, State.SUBMITTING, worker)
    await ledger.sql.execute("DELETE FROM workers WHERE id = $1", worker)
    assert await ledger.store.expire(15, "t") == [row]
    assert await ledger.state(row) is State.IN_DOUBT


async def test_a_beat_makes_a_forgotten_worker_again(ledger: Ledger) -> None:
    """A living worker whose row a failover lost is known to the others after its next beat."""
    worker = await ledger.worker()
    row = await ledger.put(1, State.SUBMITTING, worker)
    await ledger.sql.execute("DELETE FROM workers WHERE id = $1", worker)
    await ledger.store.beat(Worker(worker, "testhost", 1))
    assert await ledger.store.expire(15, "t") == []
    assert await ledger.state(row) is State.SUBMITTING


async def test_expire_takes_what_an_idle_worker_holds(ledger: Ledger) -> None:
    """What its worker says that it is not sending, nobody sends; other workers' rows stay."""
    idle, other = await ledger.worker(), await ledger.worker()
    row = await ledger.put(1, State.SUBMITTING, idle)
    kept = await ledger.put(2, State.SUBMITTING, other)
    assert await ledger.store.expire(15, "t", idle) == [row]
    assert await ledger.state(kept) is State.SUBMITTING


async def test_give_back_returns_what_its_nonces_name_and_nothing_else(ledger: Ledger) -> None:
    """Unheard claims are pending again without a counted attempt; what else is held stays."""
    await ledger.add(range(2))
    worker, other = await ledger.worker(), await ledger.worker()
    (mine,) = await ledger.begin(1, worker=worker)
    (unrecorded,) = await ledger.begin(1, worker=worker)
    known, lost = mine.members[0].id, unrecorded.members[0].id
    assert await ledger.store.give_back(worker, []) == []
    assert await ledger.store.give_back(other, [unrecorded.nonce]) == []
    assert await ledger.store.give_back(worker, [unrecorded.nonce, "f" * 32]) == [unrecorded.nonce]
    row, (attempt,) = await ledger.row(lost), await ledger.attempts(lost)
    assert (row["state"], row["attempts"], row["lease"]) == (State.PENDING, 0, 1)
    assert attempt["outcome"] == "not_sent"
    assert await ledger.state(known) is State.SUBMITTING
    await ledger.check()
