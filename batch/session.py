"""What one command works with: settings, ledger, the cloud's client, run, clock, random numbers.

What takes its time to import is imported at first use: a second night ends without it.
"""

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from batch.core.budget import Spending
from batch.core.deadline import deadline, find_zone
from batch.core.models import Target, WorkerId
from batch.ledger.database import Database
from batch.ledger.journal import journal_files, worker_of
from batch.ledger.store import Store
from batch.ledger.targets import bind_service, open_target
from batch.ledger.terms import keep_terms, read_terms
from batch.settings import Settings
from batch.settings.terms import Terms, agree
from batch.vod.credentials import CredentialSource

if TYPE_CHECKING:
    from batch.vod.client import VodClient

RECOVERY = "recovery"
"""Who moves what dead workers left, for the history."""

_LOOKS_BESIDE = 8
"""Connections beyond one a sender: who looks does not wait for those that wait for their slot."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What dead workers had left, in submissions: ``expired`` were theirs to send, and nobody sends
    them any more; ``restored`` are those that the journals knew better than the ledger.
    """

    expired: int = 0
    restored: int = 0


@dataclass
class Session:
    """What one command works with. ``run`` is what it spends under.

    ``settings`` are those in force, with the prices and budgets that the target has kept under what
    was said; ``terms`` is which of them those are.
    """

    settings: Settings
    database: Database
    target: Target
    credentials: CredentialSource
    clock: Callable[[], datetime]
    dice: random.Random
    started_at: datetime
    terms: Terms
    run: UUID = field(default_factory=uuid4)
    recorded: set[WorkerId] = field(default_factory=set)
    """Workers of this session that ended with all that their journal knows in the ledger."""
    _closing: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _client: "VodClient | None" = None
    _recovered_on: datetime | None = None
    _read: set[tuple[Path, int]] = field(default_factory=set)

    @property
    def ends_at(self) -> datetime | None:
        """When what began with the session must stop (UTC), if its settings say so."""
        return run_deadline(self.settings, self.started_at)

    @property
    def spending(self) -> Spending:
        """What the run's requests are priced and bounded by."""
        return self.settings.spending(self.run)

    async def keep_terms(self) -> None:
        """Keep the prices and budgets that this run was told, for those that are not told any."""
        if self.terms.to_keep is not None:
            await keep_terms(self.database, self.target, self.terms.to_keep)

    async def client(self) -> "VodClient":
        """Return the cloud's client, opened at first use and closed with the session."""
        if self._client is None:
            client = cloud_client(self.settings, self.credentials)
            self._client = await self._closing.enter_async_context(client)
        return self._client

    async def recover(self, database: Database) -> Recovered:
        """Read in what dead workers left, before anything is begun on ``database``: once, and again
        where another server serves than then, or journals hold more than was read then.

        Raises:
            ConfigurationError: the ledger lacks what others may have paid for, a journal is
                damaged, or the target belongs to another service; with what to do.
            DatabaseUnavailableError: PostgreSQL does not answer; to be repeated.
        """
        row = await database.fetch_row("server_started")
        assert row is not None
        journals = self._journals()
        if row["at"] == self._recovered_on and journals <= self._read:
            return Recovered()
        recovered = await self._recover(database)
        self._recovered_on, self._read = row["at"], journals
        return recovered

    async def _recover(self, database: Database) -> Recovered:
        from batch.ledger.lineage import check_place, insist_on_lineage
        from batch.ledger.recovery import replay_journals

        folder, store = self.settings.journal_path, Store(database, self.target)
        cluster = await check_place(database, folder)
        await bind_service(database, self.target, self.settings.counterpart)
        silence = self.settings.heartbeat_timeout.total_seconds()
        expired = await store.expire(silence, RECOVERY)
        replayed = await replay_journals(database, self.target, folder, self.spending)
        await insist_on_lineage(database, self.target, folder, cluster, replayed.forgotten)
        return Recovered(len(expired), replayed.touched)

    def _journals(self) -> set[tuple[Path, int]]:
        """Return the journals with their sizes, but for those that the ledger knows whole."""
        files = journal_files(self.settings.journal_path)
        return {(one, one.stat().st_size) for one in files if worker_of(one) not in self.recorded}


@contextlib.asynccontextmanager
async def open_session(
    settings: Settings,
    credentials: CredentialSource | None = None,
    *,
    sends: bool = False,
    clock: Callable[[], datetime] = _utc_now,
    dice: random.Random | None = None,
) -> AsyncIterator[Session]:
    """Open the ledger of the settings' target; what else a command needs is opened as it is used.

    Who ``sends`` opens nothing without a key.

    Raises:
        PermissionRefusedError: there is no key.
        ConfigurationError: a budget is in force and no price is.
        VodBatchError: with what to do.
    """
    started_at = clock()
    source = credentials or CredentialSource()
    if sends:
        await source.current()
    database = await Database.open(settings)
    async with contextlib.AsyncExitStack() as closing:
        closing.push_async_callback(database.close)
        target = await open_target(database, settings.account, settings.region)
        terms = agree(settings, await read_terms(database, target))
        dice = dice or random.SystemRandom()
        yield Session(
            terms.settings, database, target, source, clock, dice, started_at, terms,
            _closing=closing,
        )  # fmt: skip


def run_deadline(settings: Settings, now: datetime) -> datetime | None:
    """Return when a run that begins ``now`` must stop (UTC), if its settings say so."""
    return deadline(now, settings.until, find_zone(settings.timezone), settings.max_duration)


def cloud_client(settings: Settings, source: CredentialSource) -> "VodClient":
    """Return the client of the settings' endpoint, not yet opened."""
    from batch.vod.client import VodClient
    from batch.vod.transport import Timeouts

    timeouts = Timeouts(
        connect=settings.connect_timeout.total_seconds(),
        read=settings.read_timeout.total_seconds(),
        total=settings.total_timeout.total_seconds(),
    )
    return VodClient(
        settings.url,
        source,
        timeouts=timeouts,
        pool_size=settings.concurrency + _LOOKS_BESIDE,
        keepalive=settings.keepalive.total_seconds(),
    )
