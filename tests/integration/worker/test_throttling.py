"""Throttling by many names: what waits, what is in doubt, and how much it costs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from batch.core.states import State
from batch.errors import ExitCode, most_urgent
from batch.submit.tally import StopReason
from tests.support.night import Night

NAMES = [
    ("Throttling.User", 400),
    ("Throttling", 503),
    ("Rejected.Throttling", 429),
    ("RequestsTooFrequent", 403),
    ("FlowControlError", 400),
    ("TooManyRequests", 429),
]


@pytest.mark.parametrize(("code", "status"), NAMES)
async def test_throttling_by_any_name_loses_no_row(night: Night, code: str, status: int) -> None:
    """Given back, not counted, and sent again; a few of it make no pause."""
    night.emulator.fault("refuse", code=code, status=status, count=3)
    await night.ledger.add(range(20))
    summary = await night.submit(concurrency=4)
    await night.check(submitted=20)
    assert summary.outcomes["throttled"] == 3
    assert {row["attempts"] for row in await night.ledger.rows()} == {1}
    assert not await night.ledger.sql.fetchval("SELECT cooldown_until IS NOT NULL FROM targets")


async def test_a_tenth_throttled_makes_no_pause(night: Night) -> None:
    """It costs its own tenth: the account is not paused again and again."""
    night.emulator.fault("throttle", every=10)
    await night.ledger.add(range(200))
    await night.submit()
    await night.check(submitted=200)
    assert night.emulator.meter()["throttled"] >= 20
    assert not await night.ledger.sql.fetchval("SELECT cooldown_until IS NOT NULL FROM targets")


async def test_throttling_without_end_ends_the_run(night: Night) -> None:
    """Nothing is sent for throttled_after: every row waits for another run, and it is told."""
    night.emulator.fault("throttle", retry_after=100)
    await night.ledger.add(range(30))
    summary = await night.submit(throttled_after=1.0, concurrency=2)
    assert summary.stopped_by is StopReason.THROTTLED
    assert most_urgent(*summary.exit_codes) is ExitCode.UNAVAILABLE
    assert "Throttling.User" in summary.last_trouble
    assert summary.requests < 60
    await night.check(pending=30)
    assert {row["attempts"] for row in await night.ledger.rows()} == {0}


async def test_a_permanent_refusal_that_asks_to_wait_is_no_endless_repetition(
    night: Night,
) -> None:
    """It is a refusal, once; the pace gives way once."""
    night.emulator.fault("refuse", code="InvalidParameter", status=400, retry_after=50, count=2)
    await night.ledger.add(range(6))
    summary = await night.submit(concurrency=1)
    await night.check(rejected=2, submitted=4)
    assert summary.requests == 6


Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _serving(page: Page, work: Callable[[str], Awaitable[None]]) -> None:
    app = web.Application()
    app.router.add_route("*", "/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        await work(str(site.name))
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "text", "headers"),
    [
        (429, "<html>slow down</html>", {}),
        (429, "", {"Retry-After": "1"}),
        (429, '{"Code": "Brand.New"}', {}),
        (403, '{"Code": "Brand.New"}', {"Retry-After": "1"}),
        (200, '{"Code": "Throttling.User"}', {}),
    ],
)
async def test_what_only_looks_like_throttling_is_in_doubt(
    night: Night, status: int, text: str, headers: dict[str, str]
) -> None:
    """A proxy may have passed the call on: nothing proves that no job exists."""
    seen = 0

    async def page(_request: web.Request) -> web.StreamResponse:
        nonlocal seen
        seen += 1
        await asyncio.sleep(0)
        return web.Response(status=status, text=text, headers=headers)

    async def work(url: str) -> None:
        summary = await night.submit(
            endpoint=url, doubt_limit=2, concurrency=1, skip_existing="never"
        )
        assert ExitCode.DONE_WITH_DOUBTS in summary.exit_codes

    await night.ledger.add(range(2))
    await _serving(page, work)
    assert seen == 2
    assert await night.ledger.states() == {State.IN_DOUBT: 2}
    paused = await night.ledger.sql.fetchval("SELECT cooldown_until IS NOT NULL FROM targets")
    assert paused == ("Retry-After" in headers)
