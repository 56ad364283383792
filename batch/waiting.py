"""Waits that a stop ends early."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what ``work`` returns; once ``stopping`` is set, cancel it and return ``None``."""
    if stopping.is_set():
        work.close()
        return None
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, stop):
            each.cancel()


async def or_cancelled(stopping: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what ``work`` returns; once ``stopping`` is set, cancel it and wait for its end.

    Then, as where it was cancelled from within, returns ``None``.
    """
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    return None if task.cancelled() else task.result()


async def a_few_at_once(
    pieces: Iterable[_T], work: Callable[[_T], Awaitable[None]], most: int
) -> None:
    """Do ``work`` on each of ``pieces``, in their order, at most so many at a time.

    The first that fails ends the others, and is raised by itself.
    """
    left = iter(pieces)

    async def one_after_another() -> None:
        for piece in left:  # each takes the next one that nobody has taken
            await work(piece)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(one_after_another())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def sleep_unless(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep for ``seconds``, or until ``stopping`` is set."""
    await unless(stopping, asyncio.sleep(seconds))


async def ended_or_late(
    stopping: asyncio.Event, tasks: Iterable[asyncio.Task[None]], seconds: float
) -> None:
    """Wait until all ``tasks`` of now have ended, for ``seconds``, or until ``stopping`` is set."""
    now = list(tasks)  # by the time the wait begins, whoever keeps them may have dropped the last
    if now:
        await unless(stopping, asyncio.wait(now, timeout=seconds))
