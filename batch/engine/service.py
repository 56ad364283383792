"""Where the parts are wired together: one function a command."""

import asyncio
import contextlib
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

from batch.core.states import State
from batch.engine.ledger_link import LedgerLink
from batch.engine.shared_pace import SharedPace
from batch.engine.submitter import AttemptReport, SubmitLimits, Submitter
from batch.engine.tally import RunSummary, StopReason
from batch.ledger.database import Database
from batch.ledger.store import Store
from batch.settings import Settings
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.transport import Timeouts


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on: called as a run begins, after every request, and now and then with the pace."""

    started: Callable[[int, SharedPace], None]
    attempted: Callable[[AttemptReport], None]


@contextlib.asynccontextmanager
async def open_ledger(settings: Settings) -> AsyncIterator[tuple[Database, Store]]:
    """Open the database and the store of the settings' target.

    Raises:
        VodBatchError: with what to do.
    """
    database = await Database.open(settings)
    try:
        yield database, await Store.open(database, settings.account, settings.region)
    finally:
        await database.close()


async def submit(
    settings: Settings, watcher: Watcher, credentials: CredentialSource | None = None
) -> RunSummary:
    """Run one worker until nothing is due or it is told to stop.

    The first SIGTERM or SIGINT drains, the second forces.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow a run.
    """
    source = credentials or CredentialSource()
    await source.current()
    async with open_ledger(settings) as (_, store), _client(settings, source) as client:
        await store.bind_service(settings.service)
        counts = await store.count_states()
        worker = uuid4()
        await store.start_worker(worker, socket.gethostname(), os.getpid())
        dice = random.SystemRandom()
        link = LedgerLink(store, patience=settings.database_patience.total_seconds(), dice=dice)
        pace = SharedPace(settings.qps, link.reserve)
        submitter = Submitter(
            link, client, pace, _limits(settings), worker, dice=dice, watch=watcher.attempted
        )
        watcher.started(counts[State.PENDING], pace)
        try:
            with _stopped_by_signals(submitter):
                return await submitter.run()
        finally:
            await store.end_worker(worker)


def _client(settings: Settings, source: CredentialSource) -> VodClient:
    timeouts = Timeouts(
        connect=settings.connect_timeout.total_seconds(),
        read=settings.read_timeout.total_seconds(),
        total=settings.total_timeout.total_seconds(),
    )
    return VodClient(settings.url, source, timeouts=timeouts, pool_size=settings.concurrency)


def _limits(settings: Settings) -> SubmitLimits:
    return SubmitLimits(
        concurrency=settings.concurrency,
        max_submissions=settings.max_submissions,
        max_attempts=settings.max_attempts,
        grace=settings.grace.total_seconds(),
        unreachable_after=settings.unreachable_after.total_seconds(),
        doubt_limit=settings.doubt_limit,
        heartbeat_timeout=settings.heartbeat_timeout.total_seconds(),
    )


@contextlib.contextmanager
def _stopped_by_signals(submitter: Submitter) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def stop_or_force(number: int) -> None:
        seen.append(number)
        if len(seen) == 1:
            submitter.stop(StopReason.SIGNAL)
        else:
            submitter.force()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_or_force, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
