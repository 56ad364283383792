"""What goes wrong between the worker, PostgreSQL and the cloud."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.cloud import Emulator
from tests.support.ledger import open_ledger
from tests.support.night import Night
from tests.support.stoppable import Stoppable, stoppable_server


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Stoppable]:
    """A server that may be stopped, for the tests of one file."""
    with stoppable_server() as stoppable:
        yield stoppable


@pytest.fixture
async def own_night(
    own_postgres: Stoppable, emulator: Emulator, tmp_path: Path
) -> AsyncIterator[Night]:
    """The worker in this process, on a database of a server that may be stopped."""
    with own_postgres.server.database() as url:
        async with open_ledger(url) as ledger:
            yield Night(ledger, emulator, tmp_path)
