"""The worker against real parts: what each kind of answer, or none, comes to."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from batch.submit.tally import StopReason
from batch.vod.credentials import Credentials
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, media
from tests.support.night import Night


@pytest.fixture
def nobody(closed_port: int) -> str:
    """An endpoint where nobody listens."""
    return f"http://127.0.0.1:{closed_port}"


async def test_both_types_of_every_media_are_submitted_once(night: Night) -> None:
    """All rows end with the JobId that the emulator gave; two types of a media cost one request."""
    await night.ledger.add(range(30), DNA, TAG)
    summary = await night.submit()
    await night.check(submitted=60)
    assert (summary.stopped_by, summary.exit_codes) == (StopReason.NOTHING_DUE, ())
    assert night.emulator.submits() == summary.requests == 30
    ours = {(row["media_id"], row["job_type"]): row["job_id"] for row in await night.ledger.rows()}
    theirs = {(job["media_id"], job["type"]): job["job_id"] for job in night.emulator.jobs()}
    assert ours == theirs
    assert len(night.reports) == 30


async def test_a_second_run_finds_nothing_to_do(night: Night) -> None:
    """What is submitted is not sent again by another run."""
    await night.ledger.add(range(3))
    await night.submit()
    summary = await night.submit()
    assert (summary.requests, summary.exit_codes) == (0, ())
    assert night.emulator.submits() == 3


SUBMITTED, IN_DOUBT, REJECTED = State.SUBMITTED, State.IN_DOUBT, State.REJECTED
FAULTS: list[tuple[str, dict[str, Any], State, int]] = [
    ("refuse", {"code": "InvalidParameter.MediaId", "status": 400}, REJECTED, 0),
    ("throttle", {"count": 1, "retry_after": 200}, SUBMITTED, 1),
    ("drop_before", {}, IN_DOUBT, 0),
    ("drop_before", {"reset": True}, IN_DOUBT, 0),
    ("accept_then_drop", {}, IN_DOUBT, 1),
    ("accept_then_drop", {"reset": True}, IN_DOUBT, 1),
    ("hang", {"seconds": 30}, IN_DOUBT, 0),
    ("hang", {"seconds": 30, "execute": True}, IN_DOUBT, 1),
    ("cut_body", {}, IN_DOUBT, 1),
    ("error_500", {}, IN_DOUBT, 0),
    ("error_500", {"execute": True}, IN_DOUBT, 1),
    ("error_503", {}, IN_DOUBT, 0),
    ("error_503", {"execute": True}, IN_DOUBT, 1),
    ("html_502", {}, IN_DOUBT, 0),
    ("html_502", {"execute": True}, IN_DOUBT, 1),
    ("delay", {"seconds": 0.3}, SUBMITTED, 1),
    ("empty_answer", {}, IN_DOUBT, 1),
    ("extra_header", {"headers": {"X-More": "y"}}, SUBMITTED, 1),
]


@pytest.mark.parametrize(
    ("kind", "rule", "state", "jobs"), FAULTS, ids=[f"{f[0]} {[*f[1]]}" for f in FAULTS]
)
async def test_each_fault_leaves_the_row_where_the_evidence_says(
    night: Night, kind: str, rule: dict[str, Any], state: State, jobs: int
) -> None:
    """Refused: rejected; no trustworthy answer: in doubt, never sent again; the rest goes on."""
    night.emulator.fault(kind, media_id=media(1), **rule)
    hit, *others = await night.ledger.add(range(1, 5))
    summary = await night.submit(read_timeout=1)
    assert await night.ledger.state(hit) is state
    for other in others:
        assert await night.ledger.state(other) is State.SUBMITTED
    meter = night.emulator.meter()
    assert meter["jobs"] == len(others) + jobs
    assert meter["media_types_with_more_than_one_job"]["count"] == 0
    await night.ledger.check(night.emulator.jobs())
    expected = {
        IN_DOUBT: (ExitCode.DONE_WITH_DOUBTS,),
        REJECTED: (ExitCode.DONE_WITH_FAILURES,),
        SUBMITTED: (),
    }
    assert summary.exit_codes == expected[state]


async def test_a_doubt_is_not_sent_again_by_another_run(night: Night) -> None:
    """What may have been paid for waits for evidence, however often a run begins."""
    night.emulator.fault("accept_then_drop", count=1)
    await night.ledger.add([1])
    for _ in range(3):
        assert ExitCode.DONE_WITH_DOUBTS in (await night.submit()).exit_codes
    await night.check(in_doubt=1)
    assert night.emulator.submits() == 1


async def test_throttling_pauses_the_account_and_penalises_no_row(night: Night) -> None:
    """A throttled request is given back without a counted attempt, and every worker pauses."""
    night.emulator.fault("throttle", count=3, retry_after=400)
    await night.ledger.add(range(10))
    await night.submit(concurrency=4)
    await night.check(submitted=10)
    assert night.emulator.meter()["throttled"] == 3
    assert {row["attempts"] for row in await night.ledger.rows()} == {1}
    assert sum(row["lease"] for row in await night.ledger.rows()) >= 13
    paused = await night.ledger.sql.fetchval("SELECT cooldown_until IS NOT NULL FROM targets")
    assert paused


async def test_a_pause_of_another_worker_holds_this_one(night: Night) -> None:
    """A worker that begins while the account is paused sends nothing before the pause ends."""
    await night.ledger.add([1])
    await night.ledger.store.start_cooldown(1.5)
    ends = await night.ledger.sql.fetchval("SELECT cooldown_until FROM targets")
    await night.submit()
    (attempt,) = await night.ledger.attempts((await night.ledger.rows())[0]["id"])
    assert attempt["begun_at"] >= ends


Trouble = Callable[[Emulator], None]
STOPS: list[tuple[str, Trouble, Credentials, ExitCode]] = [
    ("arrears", lambda e: e.account("arrears"), Credentials("testid", "testsecret"),
     ExitCode.UNAVAILABLE),
    ("not_open", lambda e: e.account("not_open"), Credentials("testid", "testsecret"),
     ExitCode.UNAVAILABLE),
    ("wrong secret", lambda _: None, Credentials("testid", "wrong"), ExitCode.PERMISSION),
    ("unknown key", lambda _: None, Credentials("nobody", "testsecret"), ExitCode.PERMISSION),
    ("no permission", lambda e: e.key(id="looker", secret="s", actions=["vod:ListAIJob"]),
     Credentials("looker", "s"), ExitCode.PERMISSION),
]  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "key", "code"), [stop[1:] for stop in STOPS], ids=[stop[0] for stop in STOPS]
)
async def test_a_refused_account_stops_the_run_at_once(
    night: Night, trouble: Trouble, key: Credentials, code: ExitCode
) -> None:
    """The first such answer ends the run; every row is given back, none is penalised.

    What may be one media's own is asked all over the lists before that, ten times in a row.
    """
    trouble(night.emulator)
    await night.ledger.add(range(40))
    summary = await night.submit(key=key, concurrency=4)
    assert summary.stopped_by is StopReason.ACCOUNT_STOPPED
    assert summary.account
    assert summary.exit_codes == (code, ExitCode.CARRIED_OVER)
    may_be_one_rows = summary.account.may_be_one_rows
    assert summary.requests <= (4 + 10 if may_be_one_rows else 4)
    await night.check(pending=40)
    counted = sum(row["attempts"] for row in await night.ledger.rows())
    assert counted == (summary.requests if may_be_one_rows else 0)


async def test_refused_media_are_rejected_and_the_rest_goes_on(
    night: Night, start_emulator: Callable[[str], Emulator]
) -> None:
    """A media that the cloud does not have is rejected with the cloud's own code."""
    missing = [media(1), media(3)]
    here = replace(night, emulator=start_emulator(f"[media]\nmissing = {missing}"))
    await here.ledger.add(range(5), DNA, TAG)
    summary = await here.submit()
    await here.check(submitted=6, rejected=4)
    assert summary.exit_codes == (ExitCode.DONE_WITH_FAILURES,)
    for row in await here.ledger.rows():
        assert (row["error_code"] is not None) == (row["media_id"] in missing)


async def test_half_an_acceptance_is_a_receipt_and_a_doubt(
    night: Night, start_emulator: Callable[[str], Emulator]
) -> None:
    """Of two types asked for, the one that the answer lacks is in doubt, the other submitted."""
    toml = '[submit]\npartial_success = true\ninactive_types = ["AIVideoTag"]'
    here = replace(night, emulator=start_emulator(toml))
    dna, tag = await here.ledger.add([1], DNA, TAG)
    await here.submit()
    assert await here.ledger.state(dna) is State.SUBMITTED
    assert await here.ledger.state(tag) is State.IN_DOUBT
    await here.check(submitted=1, in_doubt=1)


async def test_an_unreachable_cloud_stops_the_run_with_the_rows_pending(
    night: Night, nobody: str
) -> None:
    """Nothing that never left is in doubt: rows go back with a backoff, the run ends with 69."""
    await night.ledger.add(range(5))
    summary = await night.submit(endpoint=nobody, unreachable_after=1.5, concurrency=2)
    assert summary.stopped_by is StopReason.UNREACHABLE
    assert summary.exit_codes == (ExitCode.UNAVAILABLE, ExitCode.CARRIED_OVER)
    assert summary.last_trouble
    await night.check(pending=5)
    tried = [row for row in await night.ledger.rows() if row["attempts"]]
    assert tried
    for row in tried:
        *_, last = await night.ledger.attempts(row["id"])
        assert row["due_at"] > last["ended_at"]
        assert last["outcome"] == "not_sent"


async def test_a_row_that_never_left_is_dead_once_its_attempts_are_used_up(
    night: Night, nobody: str
) -> None:
    """After max_attempts failed sends the row is dead, with the reason; nothing was paid."""
    (submission,) = await night.ledger.add([1])
    summary = await night.submit(endpoint=nobody, max_attempts=2)
    await night.check(dead=1)
    row = await night.ledger.row(submission)
    assert (row["attempts"], row["error_code"]) == (2, "not_sent")
    assert row["error_message"]
    assert summary.exit_codes == (ExitCode.DONE_WITH_FAILURES,)


async def test_too_many_doubts_in_a_row_stop_the_run(night: Night) -> None:
    """A cloud that takes requests and never answers well must not eat the whole list."""
    night.emulator.fault("empty_answer")
    await night.ledger.add(range(30))
    summary = await night.submit(doubt_limit=5, concurrency=2)
    assert summary.stopped_by is StopReason.DOUBTS
    assert ExitCode.UNAVAILABLE in summary.exit_codes
    assert 5 <= night.emulator.submits() <= 7


@pytest.mark.parametrize("most", [1, 4, 5, 7, 100])
async def test_the_cap_on_submissions_is_exact(night: Night, most: int) -> None:
    """Never more than asked for, even where the cap cuts a pair of types in two."""
    await night.ledger.add(range(6), DNA, TAG)
    summary = await night.submit(max_submissions=most, concurrency=3)
    sent = min(most, 12)
    await night.check(**{"submitted": sent, **({"pending": 12 - sent} if sent < 12 else {})})
    assert len(night.emulator.jobs()) == sent
    assert summary.exit_codes == (() if sent == 12 else (ExitCode.CARRIED_OVER,))


async def test_what_was_not_kept_does_not_use_up_the_cap(night: Night) -> None:
    """A throttled request was not a submission: the cap counts what was kept."""
    night.emulator.fault("throttle", count=2, retry_after=100)
    await night.ledger.add(range(5))
    await night.submit(max_submissions=3, concurrency=2)
    await night.check(submitted=3, pending=2)


async def test_a_half_ill_cloud_ends_the_run_slowly(night: Night) -> None:
    """Every second answer is a 503: a hundred and a few in doubt, not half of all rows."""
    night.emulator.fault("html_502", every=2)
    await night.ledger.add(range(400))
    summary = await night.submit(skip_existing="never")
    assert summary.stopped_by is StopReason.DOUBTS
    states = await night.ledger.states()
    assert 100 < states[State.IN_DOUBT] <= 110
    assert states[State.PENDING] > 150


async def test_what_is_not_the_api_puts_ten_in_doubt(night: Night) -> None:
    """Whatever the concurrency: until the API has answered, ten are under way at the most."""

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>sign in</html>")
        writer.close()

    await night.ledger.add(range(60))
    async with await asyncio.start_server(welcome, "127.0.0.1", 0) as portal:
        port = portal.sockets[0].getsockname()[1]
        summary = await night.submit(
            endpoint=f"http://127.0.0.1:{port}", concurrency=32, skip_existing="never"
        )
    assert summary.stopped_by is StopReason.DOUBTS
    assert "not a JSON object" in summary.last_trouble
    assert await night.ledger.states() == {State.IN_DOUBT: 10, State.PENDING: 50}
