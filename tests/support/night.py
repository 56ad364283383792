"""One run of the worker in this process, with nothing replaced: ledger, emulator, signals."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from batch.core.states import State
from batch.hearing import ours_to_hear
from batch.night.shift import Watcher, submit
from batch.session import open_session
from batch.settings import Settings
from batch.submit.planning import planner_of
from batch.submit.sending import AttemptReport
from batch.submit.tally import RunSummary
from batch.vod.credentials import Credentials, CredentialSource
from tests.support.cloud import Emulator
from tests.support.ledger import Ledger
from tests.support.waiting import soon

KEY = Credentials("testid", "testsecret")


def interrupt(number: signal.Signals = signal.SIGTERM) -> None:
    """Do what a person or a service manager does: a signal, which the run takes for itself."""
    os.kill(os.getpid(), number)


@dataclass
class Night:
    """Runs workers on one ledger, against one emulator."""

    ledger: Ledger
    emulator: Emulator
    home: Path
    reports: list[AttemptReport] = field(default_factory=list)

    async def submit(
        self,
        *,
        key: Credentials = KEY,
        load: Callable[[], Credentials] | None = None,
        plan: str | None = None,
        **settings: object,
    ) -> RunSummary:
        """Run one worker to its end; seconds may stand for durations."""
        chosen = self.chosen(settings)
        watcher = Watcher(attempted=self.reports.append)
        source = CredentialSource(load or (lambda: key))
        most = chosen.max_submissions
        with ours_to_hear():
            async with open_session(chosen, source, sends=True) as session:
                return await submit(session, watcher, max_submissions=most, plan_hash=plan)

    async def plan(self, **settings: object) -> str:
        """Return the hash of what a submit would send now."""
        async with open_session(self.chosen(settings)) as session:
            return (await planner_of(session, session.database).plan()).hash

    def chosen(self, settings: Mapping[str, object]) -> Settings:
        """Return settings for this ledger and the emulator; seconds may stand for durations."""
        fast: dict[str, object] = {
            "home": self.home, "endpoint": self.emulator.url, "qps": 5000.0, "concurrency": 8,
            "lookup_qps": 1000.0,
        }  # fmt: skip
        given = {
            name: timedelta(seconds=float(str(value))) if _is_duration(name) else value
            for name, value in settings.items()
        }
        return self.ledger.settings.model_copy(update=fast | given)

    @asynccontextmanager
    async def running(self, **settings: object) -> "AsyncIterator[asyncio.Task[RunSummary]]":
        """Run one worker beside the block, which must see it to its end."""
        task = asyncio.create_task(self.submit(**settings))  # type: ignore[arg-type]
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def arrived(self, requests: int) -> None:
        """Wait until the emulator has received so many requests."""

        async def look() -> bool:
            return await asyncio.to_thread(self.emulator.submits) >= requests

        await soon(look, f"request {requests}")

    async def check(self, **states: int) -> None:
        """Assert where the submissions stand, that nothing was paid twice and all is known."""
        now = await self.ledger.states()
        assert {state.value: n for state, n in now.items()} == states
        meter = self.emulator.meter()
        assert meter["media_types_with_more_than_one_job"]["count"] == 0
        await self.ledger.check(self.emulator.jobs())
        if not now.get(State.IN_DOUBT):
            assert meter["jobs"] == now.get(State.SUBMITTED, 0)


def _is_duration(name: str) -> bool:
    return name.endswith(("_timeout", "_after", "_patience")) or name == "grace"
