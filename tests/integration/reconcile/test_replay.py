"""Replay of the identical signed request: only where a repeated nonce was seen to be refused."""

from collections.abc import Callable

import pytest

from batch.core.models import Claim
from batch.core.outcome import Outcome
from batch.core.states import State
from batch.ledger.journal import journal_files, read_journal, worker_of
from batch.vod.client import VodClient
from tests.support.ledger import DNA, TAG
from tests.support.receipts import accepted_late
from tests.support.settling import Morning


async def test_a_request_that_was_lost_arrives_by_replay(morning: Morning) -> None:
    """The first copy never arrived: the replay runs it, once, and its JobId is ours."""
    await morning.confirm_replay()
    [row] = await morning.doubt([1], fault="drop_before")
    summary = await morning.reconcile()
    assert summary.settled == {"replayed": 1}
    [job] = morning.night.emulator.jobs()
    assert (await morning.night.ledger.row(row))["job_id"] == job["job_id"]
    assert job["nonce"] == (await morning.night.ledger.attempts(row))[0]["nonce"]
    assert morning.night.emulator.submits() == 2
    await morning.reconcile()
    assert await morning.night.ledger.state(row) is State.SUCCEEDED
    assert morning.night.emulator.submits() == 2


async def test_the_answer_to_a_replay_is_in_the_second_record(morning: Morning) -> None:
    """A replay is paid like any other request; a restored backup must not forget its job."""
    await morning.confirm_replay()
    await morning.doubt([1], fault="drop_before")
    folder = morning.settings().journal_path
    before = set(journal_files(folder))
    await morning.reconcile()
    [new] = set(journal_files(folder)) - before
    worker = worker_of(new)
    assert worker
    [intent] = read_journal(new, worker).intents
    [job] = morning.night.emulator.jobs()
    assert [answer.verdict.job_id for answer in intent.answers] == [job["job_id"]]
    assert (intent.nonce, intent.media_id) == (job["nonce"], job["media_id"])


async def test_a_request_that_arrived_is_refused_at_replay_and_looked_up(morning: Morning) -> None:
    """The first copy made a job: its nonce is spent, the look-up finds the job, none is added."""
    await morning.confirm_replay()
    [row] = await morning.doubt([1])
    before = morning.night.emulator.meter()["answers"]["SignatureNonceUsed"]
    summary = await morning.reconcile()
    assert summary.settled == {"adopted": 1}
    assert morning.night.emulator.submits() == 2
    assert morning.night.emulator.meter()["answers"]["SignatureNonceUsed"] == before + 1
    [job] = morning.night.emulator.jobs()
    assert (await morning.night.ledger.row(row))["job_id"] == job["job_id"]


async def test_a_request_is_replayed_once_only(morning: Morning) -> None:
    """A replay without a trustworthy answer is not repeated: the look-up has the word."""
    await morning.confirm_replay()
    await morning.doubt([1], fault="drop_before")
    morning.night.emulator.fault("error_500", execute=True)
    for _ in range(3):
        await morning.reconcile()
    assert morning.night.emulator.submits() == 2
    assert len(morning.night.emulator.jobs()) == 1
    await morning.night.ledger.check(morning.night.emulator.jobs())


async def test_two_types_of_a_request_are_replayed_together(morning: Morning) -> None:
    """The identical request asks for both types; both JobIds are taken."""
    await morning.confirm_replay()
    rows = await morning.doubt([1], DNA, TAG, fault="drop_before")
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 2
    for row in rows:
        assert (await morning.night.ledger.row(row))["job_id"]


async def test_half_a_request_is_not_replayed(morning: Morning) -> None:
    """Where one type was accepted, the bytes cannot be sent again without asking for it too."""
    await morning.confirm_replay()
    await morning.night.ledger.add([1], DNA, TAG)
    morning.night.emulator.fault("answer_one_type", type="AIMediaDNA", count=1)
    await morning.night.submit()
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 1
    assert len(morning.night.emulator.jobs()) == 2


async def test_an_old_request_is_not_replayed(morning: Morning) -> None:
    """Near the end of the date window nothing is sent any more."""
    await morning.confirm_replay()
    await morning.doubt([1], fault="drop_before")
    await morning.night.ledger.sql.execute(
        "UPDATE attempts SET signed_at = signed_at - interval '14 minutes 1 second'"
    )
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 1


async def test_without_confirmation_nothing_is_replayed(morning: Morning) -> None:
    """An account that was never tested is left to the look-up."""
    await morning.doubt([1], fault="drop_before")
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 1


@pytest.mark.parametrize("tested_before", [False, True])
async def test_where_a_repeated_nonce_is_accepted_nothing_is_replayed(
    morning_under: Callable[[str], Morning], tested_before: bool
) -> None:
    """The doctor sees that this account runs a repeated request, and takes a permission back."""
    morning = morning_under("[gateway]\nnonce_check = false")
    if tested_before:
        await morning.night.ledger.sql.execute("UPDATE targets SET replay_confirmed_at = now()")
    await morning.confirm_replay()
    [row] = await morning.doubt([1])
    await morning.reconcile()
    assert morning.night.emulator.submits() == 1
    assert len(morning.night.emulator.jobs()) == 1
    assert (await morning.night.ledger.row(row))["job_id"]


async def test_a_replays_job_beside_a_late_answer_is_a_second_charge(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first copy's answer comes while the replay is answered with a job too: both are told."""
    await morning.confirm_replay()
    [row] = await morning.doubt([1], fault="drop_before")
    submit = VodClient.submit

    async def submit_and_hear_of_the_first(client: VodClient, claim: Claim) -> Outcome:
        outcome = await submit(client, claim)
        await accepted_late(morning.night.ledger, row, "first")
        return outcome

    monkeypatch.setattr(VodClient, "submit", submit_and_hear_of_the_first)
    assert (await morning.reconcile()).extra_charges == 1
    [job] = morning.night.emulator.jobs()
    [attempt] = await morning.night.ledger.attempts(row)
    assert (attempt["job_id"], attempt["extra_job_ids"]) == ("first", [job["job_id"]])
    await morning.night.ledger.check(morning.night.emulator.jobs())
