"""Kill this process at a chosen step: a step is one resumption of a task, so every await point.

A statement's answer resumes the task that awaits it; a kill there is a kill right after the
statement, before anything is made of its answer.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine, Generator
from typing import Any


class Killer:
    """Counts the steps of every task of a loop, and ends the process at one of them."""

    def __init__(self, at_step: int | None) -> None:
        self.steps = 0
        self._at_step = at_step

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count each task that ``loop`` makes from now on."""
        loop.set_task_factory(self._make_task)

    def step(self) -> None:
        """Take one step; the last one of a killed process."""
        self.steps += 1
        if self.steps == self._at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_Counted(coroutine, self), loop=loop, **options)


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine that reports each resumption."""

    def __init__(self, inner: Coroutine[Any, Any, Any], killer: Killer) -> None:
        self._inner = inner
        self._killer = killer

    def send(self, value: Any) -> Any:
        self._killer.step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._killer.step()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()
