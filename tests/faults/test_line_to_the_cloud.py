"""The line to the cloud: what is cut, stalled or swallowed is in doubt, then settled, paid once."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from batch.core.states import State
from batch.errors import ExitCode
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG
from tests.support.night import Night
from tests.support.proxy import Proxy, proxy_to
from tests.support.settling import Morning

NONCE = re.compile(rb"x-acs-signature-nonce: *(\w{32})", re.IGNORECASE)


async def test_no_request_leaves_before_its_intent_is_committed(night: Night) -> None:
    """Each request is held at the line until another connection has looked for its intent."""
    await night.ledger.add(range(40), DNA, TAG)
    committed: dict[str, int] = {}

    async def look(block: bytes) -> None:
        ask = "SELECT count(*) FROM attempts WHERE nonce = $1 AND outcome IS NULL"
        for nonce in map(bytes.decode, NONCE.findall(block)):
            committed[nonce] = await night.ledger.sql.fetchval(ask, nonce)

    async with proxy_to(night.emulator.url) as proxy:
        proxy.gate = look
        summary = await night.submit(endpoint=proxy.url, concurrency=1, skip_existing="never")
    assert list(committed.values()) == [2] * 40, "each request had two rows to its intent"
    assert summary.exit_codes == ()
    await night.check(submitted=80)


@pytest.mark.parametrize(
    ("code", "status"),
    [("Throttling.User", 400), ("Rejected.Throttling", 429), ("InvalidParameter", 400)],
)
async def test_an_answer_that_comes_a_second_time_is_not_the_next_request_s(
    night: Night, code: str, status: int
) -> None:
    """It said that no job exists, and was another's: what it is given to is in doubt."""
    night.emulator.fault("refuse", code=code, status=status, count=1, action="SubmitAIJob")
    night.emulator.fault("repeat_answer", count=1, action="SubmitAIJob")
    await night.ledger.add(range(4))
    await night.submit(concurrency=1, skip_existing="never")
    await night.submit(concurrency=1, skip_existing="never")
    await night.ledger.check(night.emulator.jobs())
    assert (await night.ledger.states())[State.IN_DOUBT] == 1
    await Morning(night).reconcile()
    await night.submit(concurrency=1, skip_existing="never")
    jobs = night.emulator.jobs()
    assert len({job["media_id"] for job in jobs}) == len(jobs)


Trouble = Callable[[Proxy], None]
TROUBLES: dict[str, Trouble] = {
    "cut": Proxy.cut,
    "requests stalled": lambda proxy: proxy.stall(answers=False),
    "answers stalled": lambda proxy: proxy.stall(requests=False),
    "black hole": Proxy.black_hole,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_the_line_fails_in_the_middle_of_a_run(
    night: Night, emulator: Emulator, trouble: Trouble
) -> None:
    """What was on the wire is in doubt, not sent again; reconcile then finds every job."""
    emulator.fault("delay", seconds=0.1)
    rows = await night.ledger.add(range(30))
    async with (
        proxy_to(emulator.url) as proxy,
        night.running(endpoint=proxy.url, concurrency=4, read_timeout=1, doubt_limit=4) as run,
    ):
        await night.arrived(8)
        trouble(proxy)
        summary = await run
    states = await night.ledger.states()
    assert set(states) <= {State.SUBMITTED, State.IN_DOUBT, State.PENDING}
    assert states[State.IN_DOUBT]
    assert ExitCode.DONE_WITH_DOUBTS in summary.exit_codes
    await night.ledger.check(emulator.jobs())
    emulator.forget_faults()
    morning = Morning(night)
    await morning.reconcile()
    await night.submit()
    await morning.reconcile()
    assert await night.ledger.states() == {State.SUCCEEDED: len(rows)}
    assert emulator.meter()["media_types_with_more_than_one_job"]["count"] == 0


async def test_a_line_that_takes_no_connection_leaves_nothing_in_doubt(
    night: Night, emulator: Emulator, closed_port: int
) -> None:
    """A connection that is refused proves that nothing was sent: the rows stay pending."""
    await night.ledger.add(range(10))
    nobody = f"http://127.0.0.1:{closed_port}"
    summary = await night.submit(endpoint=nobody, unreachable_after=1, concurrency=2)
    assert summary.exit_codes == (ExitCode.UNAVAILABLE, ExitCode.CARRIED_OVER)
    await night.check(pending=10)
    assert emulator.submits() == 0


async def test_a_cut_connection_is_not_used_again_for_the_same_request(
    night: Night, emulator: Emulator
) -> None:
    """However the line drops, one request arrives at most once: the client re-sends nothing."""
    await night.ledger.add(range(20))
    emulator.fault("accept_then_drop", every=3)
    await night.submit(concurrency=2)
    assert emulator.submits() == 20
    assert len(emulator.jobs()) == 20
    await replace(night).ledger.check(emulator.jobs())
