"""The ledger of a command's settings, opened for a block."""

import contextlib
from collections.abc import AsyncIterator

from batch.ledger.database import Database
from batch.ledger.store import Store
from batch.settings import Settings


@contextlib.asynccontextmanager
async def open_ledger(
    settings: Settings, *, plans_once: bool = False
) -> AsyncIterator[tuple[Database, Store]]:
    """Open the database and the store of the settings' target.

    ``plans_once`` is for who sends the same statements thousands of times.

    Raises:
        VodBatchError: with what to do.
    """
    database = await Database.open(settings, plans_once=plans_once)
    try:
        yield database, await Store.open(database, settings.account, settings.region)
    finally:
        await database.close()
