"""The parts of a self-test together: database, emulator, and what is done with them."""

import asyncio
import contextlib
import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from batch.core.models import JobType
from batch.doctor.probe import Probe, run_probe
from batch.ledger.doubts import Doubts
from batch.ledger.loading import load_manifest
from batch.ledger.migrate import migrate
from batch.night.shift import Watcher, submit
from batch.reconcile import resolving
from batch.reconcile.run import reconcile
from batch.selftest import server
from batch.selftest.plan import READ_TIMEOUT_SECONDS
from batch.selftest.processes import Ended, Strike, run_process
from batch.selftest.server import Server, running_server
from batch.selftest.stand_in import StandIn, running_stand_in
from batch.session import open_session
from batch.settings import Settings, load_settings
from batch.show.insights import Insights
from batch.vod.credentials import Credentials, CredentialSource

KEY = CredentialSource(lambda: Credentials("testid", "testsecret"))
"""The emulator's own key, known to everybody."""

Row = dict[str, object]
"""A submission as ``export`` prints it."""

_HOUR = 3600.0 + 60.0
"""A little more than the settling time."""


@dataclass(frozen=True, slots=True)
class Rig:
    """A running database and emulator, and the settings that point at them."""

    settings: Settings
    server: Server
    cloud: StandIn
    folder: Path

    def playing_cloud(self, plays: bool) -> "Rig":
        """Return the same parts under the cloud's rules, or with the stand-in believed."""
        service_name = "cloud" if plays else None
        return replace(self, settings=self.settings.model_copy(update={"service": service_name}))

    def reset(self) -> None:
        """Empty the ledger, the journals, the emulator's jobs and its faults."""
        shutil.rmtree(self.settings.journal_path, ignore_errors=True)
        server.empty(self.server.url)
        self.cloud.forget()

    def load(self, media: Sequence[tuple[str, str]]) -> None:
        """Load a list: media ids and types."""
        manifest = self.folder / "list.csv"
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows([("media_id", "types"), *media])
        asyncio.run(self._load(manifest))
        manifest.unlink()

    async def _load(self, manifest: Path) -> None:
        async with open_session(self.settings, KEY) as session:
            await load_manifest(session.database, session.target, str(manifest), self.settings)

    def probe(self, media_id: str, job_type: JobType) -> Ended:
        """Learn by one job of a media what this cloud is like, as ``doctor --probe`` does."""

        async def pay_and_look() -> None:
            asked = Probe(media_id, job_type, None, self.settings.currency)
            async with open_session(self.settings, KEY) as session:
                async for _ in run_probe(session, asked, patience=timedelta(0)):
                    pass

        return run_process(pay_and_look)

    def confirm_replay(self, *, refused: bool) -> None:
        """Do what ``doctor --confirm-replay`` does on an account that passes, or does not."""

        async def confirm() -> None:
            async with open_session(self.settings, KEY) as session:
                doubts = Doubts(session.database, session.target)
                await doubts.confirm_replay(refused=refused)

        asyncio.run(confirm())

    def submit(
        self, strike: Strike | None = None, meanwhile: Callable[[], None] | None = None
    ) -> Ended:
        """Run a worker in a process of its own, and wait for what it sent to be read."""

        async def work() -> None:
            async with open_session(self.settings, KEY, sends=True) as session:
                await submit(session, Watcher(), max_submissions=None)

        ended = run_process(work, strike, meanwhile)
        self.cloud.catch_up()
        return ended

    def reconcile(self) -> Ended:
        """Run one round of reconcile in a process of its own."""

        async def settle() -> None:
            async with open_session(self.settings, KEY, sends=True) as session:
                await reconcile(session, once=True)

        return run_process(settle)

    def decide(self, media_id: str, job_type: JobType, job_id: str | None) -> Ended:
        """Say an operator's word on a doubt: this is its job, or it has none."""
        word = resolving.Resolution.ADOPT if job_id else resolving.Resolution.ABSENT

        async def decide() -> None:
            async with open_session(self.settings, KEY) as session:
                doubts = Doubts(session.database, session.target)
                found = await doubts.list_doubts(media_id=media_id)
                chosen = resolving.chosen_doubts(found, job_type)
                await resolving.resolve(doubts, chosen, word, job_id)

        return run_process(decide)

    def pass_an_hour(self) -> None:
        """Let an hour pass for ledger and cloud, without waiting for it."""
        self.cloud.elapse(_HOUR, server.grow_older(self.server.url, _HOUR))

    def rows(self) -> list[Row]:
        """Return every submission."""

        async def export() -> list[Row]:
            async with open_session(self.settings, KEY) as session:
                insights = Insights(session.database, session.target)
                return [row async for row in insights.export(None, None)]

        return asyncio.run(export())


@contextlib.contextmanager
def open_rig(folder: Path, database_url: str | None = None) -> Iterator[Rig]:
    """Start an emulator and a database; both end with the block.

    The database is the embedded one under ``folder``, or one of our own, made for this and dropped
    after it, on the server of ``database_url``.

    Raises:
        UnavailableError: one of them does not start.
    """
    home = folder / "home"
    with running_server(home, database_url) as running, running_stand_in() as cloud:
        asyncio.run(migrate(running.url))
        settings = load_settings(
            reads_file=False, home=home, database_url=running.url, endpoint=cloud.endpoint,
            qps=2000.0, concurrency=4, read_timeout=f"{READ_TIMEOUT_SECONDS}s", total_timeout="5s",
            account="selftest", region="cn-shanghai", lookup_qps=1000.0, poll_qps=1000.0,
            heartbeat_timeout="5s", grace="5s",
        )  # fmt: skip
        yield Rig(settings, running, cloud, folder)
