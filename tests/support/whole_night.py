"""A whole night in this process: lock, inbox, submit, reconcile, on one ledger and the emulator."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.night.inbox import Inbox
from batch.night.night import Night as Spent
from batch.night.night_lock import LockedNight, lock_night
from batch.night.nightly import run_night
from batch.night.shift import Watcher
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.ledger import media, write_csv
from tests.support.night import KEY, Night


@dataclass
class WholeNight:
    """Spends nights with these settings; lists are dropped into ``inbox``."""

    settings: Settings
    inbox: Path

    @classmethod
    def on(cls, night: Night, **settings: object) -> "WholeNight":
        """Make one on the parts of ``night``."""
        inbox = night.home / "inbox"
        inbox.mkdir()
        few = {"preflight_qps": 1000.0, "poll_qps": 1000.0, "skip_existing": "never"}
        return cls(night.chosen(few | settings), inbox)

    def drop(self, name: str, numbers: Iterable[int]) -> None:
        """Put a list into the inbox, written an hour ago."""
        path = write_csv(self.inbox / name, [media(n) for n in numbers])
        long_ago = time.time() - 3600
        os.utime(path, (long_ago, long_ago))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[LockedNight]:
        """Hold the lock of the night."""
        async with lock_night(self.settings, CredentialSource(lambda: KEY)) as held:
            yield held

    async def spend(self, held: LockedNight) -> Spent:
        """Run the night to its end."""
        watcher = Watcher(started=lambda *_: None, attempted=lambda _: None)
        return await run_night(held, Inbox(self.inbox, 0.0), watcher)

    async def run(self) -> Spent:
        """Run a night from its lock to its end."""
        async with self.held() as held:
            return await self.spend(held)

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[asyncio.Task[Spent]]":
        """Run a night beside the block, which must see it to its end."""
        task = asyncio.create_task(self.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
