"""What ends a run from outside: signals, and a moment that has come."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

from batch.hearing import are_ours

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LONGEST_NAP_SECONDS = 5.0


@contextlib.asynccontextmanager
async def stopped_at(ends_at: datetime | None, stop: Callable[[], None]) -> AsyncIterator[None]:
    """Call ``stop`` at a moment, by the wall clock or by the time that went by: what comes first.

    A clock that is set while we run then makes a run end early at worst.
    """
    if ends_at is None:
        yield
        return
    task = asyncio.create_task(_stop_at(ends_at, stop), name="deadline")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _stop_at(ends_at: datetime, stop: Callable[[], None]) -> None:
    latest = time.monotonic() + (ends_at - datetime.now(UTC)).total_seconds()
    while True:
        by_the_wall = (ends_at - datetime.now(UTC)).total_seconds()
        remaining = min(by_the_wall, latest - time.monotonic())
        if remaining <= 0:
            stop()
            return
        await asyncio.sleep(min(remaining, _LONGEST_NAP_SECONDS))


class _Part:
    """A part of a run that hears signals: ``stop`` at the first, ``force`` at each further one."""

    def __init__(self, stop: Callable[[], None], force: Callable[[], None]) -> None:
        self._stop = stop
        self._force = force
        self._is_stopped = False

    def hear(self) -> None:
        """A signal has come."""
        act = self._force if self._is_stopped else self._stop
        self._is_stopped = True
        act()


_parts: list[_Part] = []
"""Who hears signals now: a night, and within it the phase that runs."""


@contextlib.contextmanager
def on_signals(stop: Callable[[], None], force: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGTERM, SIGINT or SIGHUP, ``force`` at each further one.

    A signal that is ignored stays so: that is how nohup keeps a run going. Blocks may stand within
    each other: all of them hear. Nothing is heard where signals are not ours
    (:mod:`batch.hearing`).
    """
    part = _Part(stop, force)
    _parts.append(part)
    try:
        with contextlib.nullcontext() if len(_parts) > 1 else _heard():
            yield
    finally:
        _parts.remove(part)


def _tell_parts() -> None:
    for part in reversed(_parts):
        part.hear()


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    if not are_ours():
        yield
        return
    loop = asyncio.get_running_loop()
    # asyncio would leave the system's own behind, which ends a process without unwinding it.
    before = {one: signal.getsignal(one) for one in _SIGNALS}
    handled = [one for one, handler in before.items() if handler is not signal.SIG_IGN]
    for number in handled:
        loop.add_signal_handler(number, _tell_parts)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number] or signal.SIG_DFL)
