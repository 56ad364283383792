"""Waits of a run, beside tasks that end meanwhile."""

import asyncio

from batch.waiting import ended_or_late


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
