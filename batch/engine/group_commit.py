"""Group commit: one statement records all verdicts that gathered while the last one ran."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from batch.core.verdict import Verdict

Commit = Callable[[Sequence[Verdict]], Awaitable[object]]


class Recorder:
    """Makes verdicts durable; whoever hands one in waits until it is."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: list[tuple[Verdict, asyncio.Future[None]]] = []
        self._gathered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to commit what is handed in."""
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def record(self, verdicts: Sequence[Verdict]) -> None:
        """Return when ``verdicts`` are durable.

        Raises:
            VodBatchError: they could not be committed.
        """
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in verdicts]
        self._waiting += zip(verdicts, futures, strict=True)
        self._gathered.set()
        await asyncio.gather(*futures)

    async def close(self) -> None:
        """Commit what is left, then stop."""
        if self._task is None:
            return
        while self._waiting and not self._task.done():
            await self.tick()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def tick(self) -> None:
        """Commit what has gathered, in one statement."""
        batch, self._waiting = _first_of_each(self._waiting)
        if not self._waiting:
            self._gathered.clear()
        if not batch:
            return
        try:
            await self._commit([verdict for verdict, _ in batch])
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for _, future in batch:
                if not future.done():
                    future.set_result(None)

    async def _run(self) -> None:
        while True:
            await self._gathered.wait()
            await self.tick()


def _first_of_each(
    waiting: list[tuple[Verdict, asyncio.Future[None]]],
) -> tuple[list[tuple[Verdict, asyncio.Future[None]]], list[tuple[Verdict, asyncio.Future[None]]]]:
    """Split off one verdict a submission: a statement may touch a row only once."""
    batch: dict[int, tuple[Verdict, asyncio.Future[None]]] = {}
    rest = []
    for item in waiting:
        if item[0].submission_id in batch:
            rest.append(item)
        else:
            batch[item[0].submission_id] = item
    return list(batch.values()), rest
