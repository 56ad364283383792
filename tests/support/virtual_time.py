"""An event loop whose time is a number: sleeping costs nothing, and a stall is one call."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

_TURN_SECONDS = 1e-6
_T = TypeVar("_T")


class _Jump(selectors.SelectSelector):
    """Instead of waiting for a timer, moves the loop's time to it; each turn takes a little."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Find nothing ready; the time asked for has passed."""
        assert timeout is not None, "every task waits for another one"
        # A clock read later reads later, or a wait for the last bit never ends.
        self.now += max(0.0, timeout) + _TURN_SECONDS
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time; nothing outside it can be waited for."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._jump.now

    def stall(self, seconds: float) -> None:
        """Let time pass while no task runs: a busy machine, a collected heap."""
        self._jump.now += seconds


def run_virtually(work: Callable[[VirtualLoop], Awaitable[_T]]) -> _T:
    """Run ``work`` in a loop of virtual time that it is handed."""

    async def main() -> _T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return await work(loop)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
