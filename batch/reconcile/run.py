"""One reconcile: what it needs is put together, and stopped by signals and by its deadline."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.journal import LateJournal
from batch.ledger.store import Store
from batch.ledger.unseen import KeptWords
from batch.ledger.word_keeping import unseen_kept
from batch.reconcile.reconciler import Reconciler, ReconcileSummary
from batch.reconcile.settling import settler_for
from batch.session import RECOVERY, Session
from batch.stopping import on_signals, stopped_at
from batch.submit.shared_pace import SharedPace
from batch.vod.pace import limiter

ACTOR = "reconcile"
"""Who settles and follows, for the history."""


async def reconcile(
    session: Session,
    *,
    once: bool,
    ends_at: datetime | None = None,
    canary_watch: Callable[[], Awaitable[bool]] | None = None,
) -> ReconcileSummary:
    """Settle doubts and follow jobs, ``once``, or until nothing is open or ``ends_at`` (UTC).

    With ``canary_watch`` only canaries are followed, until it says that they are judged.

    Raises:
        VodBatchError: the ledger, the credentials or the target do not allow it.
    """
    await session.credentials.current()
    client = await session.client()
    database, settings, target = session.database.part(), session.settings, session.target
    store, doubts = Store(database, target), Doubts(database, target)
    await database.server.know()
    await session.recover(database)
    await store.expire(settings.heartbeat_timeout.total_seconds(), RECOVERY)
    await store.adopt_strays(RECOVERY)
    pace = SharedPace(settings.qps, store.take_slots)
    journal = LateJournal(settings.journal_path, target)
    settler = settler_for(settings, database, target, client, pace, journal, ACTOR)
    reconciler = Reconciler(
        doubts, settler, client, limiter(settings.poll_qps), ACTOR, canary_watch
    )
    words = unseen_kept(client.unseen, KeptWords(database, target))
    grace = settings.grace.total_seconds()
    stop = _both(reconciler.stop, database, grace)
    interrupt = _both(reconciler.interrupt, database, grace)
    force = _both(reconciler.force, database, 0)
    with contextlib.closing(journal), on_signals(interrupt, force):
        async with words, stopped_at(ends_at, stop):
            summary = await reconciler.run(once=once)
    charges = await doubts.extra_charges()
    return replace(summary, extra_charges=len(charges))


def _both(act: Callable[[], None], database: Database, seconds: float) -> Callable[[], None]:
    """Return what acts, and lets nothing wait for the database longer than ``seconds`` in all."""

    def both() -> None:
        database.hurry(seconds)
        act()

    return both
