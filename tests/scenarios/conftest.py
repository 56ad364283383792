"""What takes minutes by itself: whole nights, and servers that go in the middle of a command."""

from collections.abc import Iterator

import pytest

from tests.support.stoppable import Stoppable, stoppable_server


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Stoppable]:
    """A server that may be stopped, one for each process that runs tests."""
    with stoppable_server() as stoppable:
        yield stoppable
