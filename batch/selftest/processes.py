"""Work in processes of its own, which may be killed or frozen at a chosen step.

A step is one resumption of a task, so every await point. A statement's answer resumes the task that
awaits it; a kill there is a kill right after the statement, before anything is made of its answer.
"""

import asyncio
import os
import traceback
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from signal import ITIMER_REAL, SIGALRM, SIGCONT, SIGKILL, Signals, setitimer
from typing import Any

from batch.errors import UnavailableError, VodBatchError

Work = Callable[[], Coroutine[Any, Any, object]]

_STOPPED = 3
"""Exit code of a process whose work ended with an error that the product foresees."""

_TEXT_BYTES = 4000
_PATIENCE_SECONDS = 90
"""Work that takes longer waits for what never comes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How work ended: its steps (0 unless it came to its end), or that it was killed or stopped."""

    steps: int = 0
    was_killed: bool = False
    was_frozen: bool = False
    stopped_by: str = ""
    """What it ended with, in words: the account was refused, the database was away for too long."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A signal that work sends itself at a step: SIGKILL, or SIGSTOP to be frozen there."""

    at_step: int
    signal: Signals = SIGKILL


def run_process(
    work: Work, strike: Strike | None = None, meanwhile: Callable[[], None] | None = None
) -> Ended:
    """Run ``work`` in a forked process; ``meanwhile`` is done while it is frozen.

    Forked, not started: the modules are there already, and a round takes a fraction of the time.

    Raises:
        UnavailableError: the work failed in a way that nobody foresaw.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_and_exit(work, strike, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        code, was_frozen = _wait(pid, meanwhile)
        text = pipe.read()
    if code == -SIGKILL:
        return Ended(was_killed=True, was_frozen=was_frozen)
    if code == -SIGALRM:
        return Ended(was_frozen=was_frozen, stopped_by=f"it did not end in {_PATIENCE_SECONDS} s")
    if code == _STOPPED:
        return Ended(was_frozen=was_frozen, stopped_by=text)
    if code:
        raise UnavailableError(f"a worker of the self-test failed: {text.strip()[-2000:]}")
    return Ended(steps=int(text), was_frozen=was_frozen)


def _wait(pid: int, meanwhile: Callable[[], None] | None) -> tuple[int, bool]:
    """Wait for the end of a child, thawing it where it freezes; return its exit code."""
    was_frozen = False
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status), was_frozen
        was_frozen = True
        try:
            if meanwhile:
                meanwhile()
        except BaseException:
            os.kill(pid, SIGKILL)
            os.waitpid(pid, 0)
            raise
        os.kill(pid, SIGCONT)


def _run_and_exit(work: Work, strike: Strike | None, writing: int) -> None:
    """Run in the child and leave without the parent's clean-up."""
    setitimer(ITIMER_REAL, _PATIENCE_SECONDS)  # nobody handles its signal: the end
    counter = _StepCounter(strike)
    code, text = 1, ""
    try:
        with asyncio.Runner() as runner:
            counter.install(runner.get_loop())
            runner.run(work())
        code, text = 0, str(counter.steps)
    except VodBatchError as error:
        code, text = _STOPPED, str(error)
    except BaseException:
        text = traceback.format_exc()[-_TEXT_BYTES:]
    finally:
        os.write(writing, text.encode(errors="replace")[-_TEXT_BYTES:])
        os._exit(code)


class _StepCounter:
    """Counts the steps of every task of a loop, and strikes at one of them."""

    def __init__(self, strike: Strike | None) -> None:
        self.steps = 0
        self._strike = strike

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count each task that ``loop`` makes from now on."""
        loop.set_task_factory(self._make_task)

    def step(self) -> None:
        """Take one step; the last one of a killed process."""
        self.steps += 1
        if self._strike and self.steps == self._strike.at_step:
            os.kill(os.getpid(), self._strike.signal)

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_Counted(coroutine, self), loop=loop, **options)


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine that reports each resumption."""

    def __init__(self, inner: Coroutine[Any, Any, Any], counter: _StepCounter) -> None:
        self._inner = inner
        self._counter = counter

    def send(self, value: Any) -> Any:
        self._counter.step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._counter.step()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()
