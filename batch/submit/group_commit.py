"""Group commit: one write makes durable all that gathered while the last one ran."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")
_Waiting = tuple[Sequence[_T], "asyncio.Future[None]"]
"""Items that were handed in together, and who waits for them."""


class GroupCommit(Generic[_T]):
    """Makes items durable in groups; who hands one in waits until it is.

    ``commit`` writes a group. Two items with the same ``key`` never share one.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[_T]], Awaitable[object]],
        key: Callable[[_T], Hashable] = id,
    ) -> None:
        self._commit = commit
        self._key = key
        self._waiting: list[_Waiting[_T]] = []
        self._gathered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to commit what is handed in."""
        self._task = asyncio.create_task(self._run(), name="group commit")

    def add(self, items: Sequence[_T]) -> asyncio.Future[None]:
        """Hand in ``items``, of different keys; await what is returned: it is done with them.

        It raises what the commit raised; they are not durable then. They are in the same group.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        self._gathered.set()
        return future

    async def close(self) -> None:
        """Commit what is left, then stop."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        while self._waiting:
            await self.tick()

    async def tick(self) -> None:
        """Commit one group."""
        group = self._take_group()
        if not self._waiting:
            self._gathered.clear()
        if not group:
            return
        try:
            await self._commit([item for items, _ in group for item in items])
        except asyncio.CancelledError:
            # Whether the write got through is unknown; it is repeated, which must be harmless.
            self._waiting = group + self._waiting
            raise
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
        else:
            for _, future in group:
                if not future.done():
                    future.set_result(None)

    async def _run(self) -> None:
        while True:
            await self._gathered.wait()
            await self.tick()

    def _take_group(self) -> list[_Waiting[_T]]:
        group: list[_Waiting[_T]] = []
        rest: list[_Waiting[_T]] = []
        taken: set[Hashable] = set()
        for items, future in self._waiting:
            keys = {self._key(item) for item in items}
            (group if taken.isdisjoint(keys) else rest).append((items, future))
            taken |= keys
        self._waiting = rest
        return group
