"""The ledger of a command's settings, opened for a block."""

import contextlib
from collections.abc import AsyncIterator

from batch.ledger.database import Database
from batch.ledger.store import Store
from batch.settings import Settings


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
