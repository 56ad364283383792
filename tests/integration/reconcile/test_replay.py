"""Replay of the identical signed request: only where a repeated nonce was seen to be refused."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from batch.core.doubt import OLDEST_DATE
from batch.core.models import Claim
from batch.core.outcome import Outcome
from batch.core.states import State
from batch.ledger.doubts import Doubts, Settlement
from batch.ledger.journal import journal_files, read_journal, worker_of
from batch.vod.client import VodClient
from batch.vod.connector import Departure
from batch.vod.credentials import Credentials, CredentialSource
from tests.support.ledger import DNA, TAG, media
from tests.support.night import KEY, interrupt
from tests.support.receipts import accepted_late
from tests.support.settling import WORLDS, Morning, reconciled
from tests.support.waiting import soon


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Every rule holds for a stand-in that is believed, and for one that plays the cloud."""
    return str(request.param)


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


async def test_a_request_that_arrived_is_found_and_not_sent_again(morning: Morning) -> None:
    """The first copy made a job: the look-up comes first and finds it, nothing is replayed."""
    await morning.confirm_replay()
    [row] = await morning.doubt([1])
    summary = await morning.reconcile()
    assert summary.settled == {"adopted": 1}
    assert morning.night.emulator.submits() == 1
    [job] = morning.night.emulator.jobs()
    assert (await morning.night.ledger.row(row))["job_id"] == job["job_id"]


async def test_a_request_that_arrived_unseen_is_refused_at_replay(
    morning_under: Callable[[str], Morning],
) -> None:
    """Look-ups do not show the job yet: its nonce is spent, and no second job is made."""
    morning = morning_under("[lookup]\nvisible_after_seconds = 60")
    await morning.confirm_replay()
    [row] = await morning.doubt([1])
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 2
    assert morning.night.emulator.meter()["answers"]["SignatureNonceUsed"] >= 1
    assert await morning.night.ledger.state(row) is State.IN_DOUBT
    morning.night.emulator.move_clock(hours=0.02)
    assert len(morning.night.emulator.jobs()) == 1


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

    async def submit_and_hear_of_the_first(
        client: VodClient, claim: Claim, departure: Departure
    ) -> Outcome:
        outcome = await submit(client, claim, departure)
        await accepted_late(morning.night.ledger, row, "first")
        return outcome

    monkeypatch.setattr(VodClient, "submit", submit_and_hear_of_the_first)
    assert (await morning.reconcile()).extra_charges == 1
    [job] = morning.night.emulator.jobs()
    [attempt] = await morning.night.ledger.attempts(row)
    assert (attempt["job_id"], attempt["extra_job_ids"]) == ("first", [job["job_id"]])
    await morning.night.ledger.check(morning.night.emulator.jobs())


def _doubts(morning: Morning) -> Doubts:
    ledger = morning.night.ledger
    return Doubts(ledger.database, ledger.store.target)


@pytest.mark.parametrize("scope", ["target", "batch", "row"])
async def test_under_a_hold_nothing_is_replayed(morning: Morning, scope: str) -> None:
    """``pause --all``, of a list or of a row: a replay is a paid call like any other."""
    await morning.confirm_replay()
    [row] = await morning.doubt([1], fault="drop_before")
    sql, target = morning.night.ledger.sql, morning.night.ledger.store.target.id
    batch = (await morning.night.ledger.row(row))["batch_id"] if scope == "batch" else None
    hold = await sql.fetchval(
        "INSERT INTO holds (target_id, scope, batch_id, held_by, reason) "
        "VALUES ($1, $2, $3, 'op', 'why') RETURNING id",
        target, "rows" if scope == "row" else scope, batch,
    )  # fmt: skip
    if scope == "row":
        await sql.execute("UPDATE submissions SET hold_id = $1", hold)
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 1
    await sql.execute("UPDATE submissions SET hold_id = NULL")
    await sql.execute("UPDATE holds SET released_at = now(), released_by = 'op'")
    await morning.reconcile(settle=morning.night.ledger.settings.settle)
    assert morning.night.emulator.submits() == 2


async def test_nothing_is_replayed_with_another_key(
    morning_under: Callable[[str], Morning],
) -> None:
    """A gateway that keeps nonces per key would run the request again: the key was rotated."""
    morning = morning_under(
        '[gateway]\nnonce_scope = "key"\n[lookup]\nvisible_after_seconds = 3600'
    )
    await morning.confirm_replay()
    await morning.doubt([1])
    morning.night.emulator.key(id="second", secret="secret2", account="default")
    source = CredentialSource(lambda: Credentials("second", "secret2"))
    settle = morning.night.ledger.settings.settle
    await reconciled(morning.settings(settle=settle), source)
    assert morning.night.emulator.submits() == 1
    assert len(morning.night.emulator.jobs()) == 1


async def test_at_the_cloud_nothing_is_replayed_without_a_probe(morning: Morning) -> None:
    """That free calls refuse a nonce does not say that a paid one would be."""
    ledger = morning.night.ledger
    await ledger.sql.execute("UPDATE targets SET replay_confirmed_at = now()")
    await morning.doubt([1], fault="drop_before")
    await morning.reconcile(settle=ledger.settings.settle)
    assert morning.night.emulator.submits() == (1 if morning.is_cloud else 2)


async def test_what_was_settled_and_sent_again_is_not_replayed(morning: Morning) -> None:
    """A page that is minutes old still shows the doubt: the mark asks the row as it stands."""
    [row] = await morning.doubt([1], fault="drop_before")
    doubts = _doubts(morning)
    old = await doubts.list_doubts()
    await doubts.settle([Settlement(row, old[0].lease, None, "seen", is_absent=True)], "other")
    assert await doubts.mark_replayed(old, KEY.access_key_id, OLDEST_DATE) is None
    await morning.night.submit()
    assert await doubts.mark_replayed(old, KEY.access_key_id, OLDEST_DATE) is None
    assert morning.submits(1) == 1


async def test_a_replay_that_began_meanwhile_forbids_to_send_again(morning: Morning) -> None:
    """Absence was decided before another process sent the request once more."""
    [row] = await morning.doubt([1], fault="drop_before")
    doubts = _doubts(morning)
    before = await doubts.list_doubts()
    assert await doubts.mark_replayed(before, KEY.access_key_id, OLDEST_DATE)
    absent = Settlement(row, before[0].lease, None, "seen", is_absent=True)
    assert await doubts.settle([absent], "other") == {}
    assert await morning.night.ledger.state(row) is State.IN_DOUBT


@pytest.mark.parametrize("column", ["signed_at", "begun_at"])
async def test_the_wait_for_a_permit_counts_against_the_date(morning: Morning, column: str) -> None:
    """It was young when it was looked up; by either clock it is not when it could leave."""
    [row] = await morning.doubt([1], fault="drop_before")
    doubts = _doubts(morning)
    young = await doubts.list_doubts()
    await morning.night.ledger.sql.execute(
        f"UPDATE attempts SET {column} = now() - interval '14 minutes 1 second' "
        "WHERE submission_id = $1",
        row,
    )
    assert await doubts.mark_replayed(young, KEY.access_key_id, OLDEST_DATE) is None


async def test_the_earliest_expiry_comes_first(morning: Morning) -> None:
    """Then what no replay can settle any more."""
    rows = await morning.doubt([1, 2, 3], fault="drop_before")
    for row, minutes in zip(rows, (60, 1, 10), strict=True):
        await morning.night.ledger.sql.execute(
            "UPDATE attempts SET signed_at = now() - make_interval(mins => $2) "
            "WHERE submission_id = $1",
            row, minutes,
        )  # fmt: skip
    doubts = _doubts(morning)
    since = await doubts.now()
    found = await doubts.next_media(since, 10, OLDEST_DATE.total_seconds())
    assert found == [media(3), media(2), media(1)]
    await doubts.take_up(media(3))
    assert media(3) not in await doubts.next_media(since, 10, OLDEST_DATE.total_seconds())


async def test_a_doubt_is_settled_beside_the_running_submit(morning: Morning) -> None:
    """It would be too old for a replay when the night is over."""
    await morning.confirm_replay()
    lost, slow = await morning.night.ledger.add([1, 2])
    morning.night.emulator.fault("drop_before", media_id=media(1), count=1)
    morning.night.emulator.fault("hang", media_id=media(2), count=1, seconds=60)
    often = timedelta(milliseconds=50)
    async with morning.night.running(settle_every=often, grace=1) as run:

        async def is_settled() -> bool:
            return await morning.night.ledger.state(lost) is State.SUBMITTED

        await soon(is_settled, "the doubt of a run that goes on")
        assert not run.done()
        interrupt()
        await run
    assert await morning.night.ledger.state(slow) is State.IN_DOUBT
    assert morning.submits(1) == 1
