"""Waits of a run, beside tasks that end meanwhile."""

import asyncio

import pytest

from batch.errors import UnavailableError
from batch.waiting import a_few_at_once, ended_or_late, or_cancelled


async def test_a_task_that_is_dropped_before_the_wait_begins() -> None:
    """It has ended, and who keeps the tasks drops it a step later: nothing is left to wait for."""
    under_way: dict[asyncio.Task[None], str] = {}

    async def end() -> None:
        return

    task = asyncio.create_task(end())
    under_way[task] = "a request"
    task.add_done_callback(under_way.pop)
    await asyncio.sleep(0)  # it ends; what drops it comes after us
    assert under_way
    await ended_or_late(asyncio.Event(), under_way, 60.0)
    assert not under_way


async def test_the_first_of_a_few_that_fails_is_raised_by_itself() -> None:
    """Not as one of a group, which nobody of ours catches; the others are ended."""
    begun = []

    async def work(piece: int) -> None:
        begun.append(piece)
        await asyncio.sleep(0)
        if piece < 3:
            raise UnavailableError(str(piece))
        await asyncio.Event().wait()

    with pytest.raises(UnavailableError, match="0"):
        await a_few_at_once(range(100), work, 4)
    assert begun == [0, 1, 2, 3]


async def test_what_is_cancelled_by_a_stop_has_ended() -> None:
    """Whoever goes on may rely on it: a load has been taken back by then."""
    stopping, ended = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        stopping.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()
        return "never"

    assert await or_cancelled(stopping, work()) is None
    assert ended.is_set()
