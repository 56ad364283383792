"""Real parts for every test that asks: PostgreSQL, the emulator, the command line."""

import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from zlib import crc32

import pytest

from tests.support.cloud import Emulator, running_emulator
from tests.support.console import KEY, OURS, Console
from tests.support.known_types import types_known
from tests.support.ledger import Ledger, open_ledger
from tests.support.measuring import measured_if_first, note_first_cases, starting_unmeasured
from tests.support.night import Night
from tests.support.postgres import Server, make_system_user, running_server
from tests.support.stock import Stock, stock_server
from tests.support.warm import end_forking


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the suite run on another server than the wheel's."""
    parser.addoption(
        "--server", choices=("embedded", "stock"), default="embedded",
        help="the PostgreSQL of tests that need one: the wheel's newest, oddly set up and without "
        "fsync, or Debian's with its default settings",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Do once what the processes that share the tests would do at the same time."""
    if not hasattr(config, "workerinput"):
        make_system_user()
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]  # what somebody has set for work of their own
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in its background deaf to SIGINT, and so would be what we start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_unconfigure() -> None:
    """End what the tests of this process shared."""
    end_forking()


_FAULTS = Path(__file__).parent / "faults"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the faults, and spread what waits: side by side it leaves the processors idle.

    Modules go in an order that is always the same and follows nothing, and the long tests over the
    first half.
    """
    for item in items:
        if item.path.is_relative_to(_FAULTS):
            item.add_marker("fault")
    items.sort(key=lambda item: crc32(item.path.name.encode()))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    step = max(1, len(others) // (2 * len(long) + 1))
    items[:] = [
        item
        for start in range(0, max(len(others), step * len(long)), step)
        for item in (*long[start // step :][:1], *others[start : start + step])
    ]
    note_first_cases(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure the first case of a test alone; ask about types once, where asking is no matter."""
    with ExitStack() as stack:
        stack.enter_context(measured_if_first(item))
        if item.config.getoption("--server") == "embedded" and not (
            {"faults", "stock"} & {*item.path.parts}
        ):
            stack.enter_context(types_known())
        return (yield)


def pytest_collection_finish() -> None:
    """Spare each collection of garbage a walk over what stays: thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens, held so that no process beside us gets it."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The PostgreSQL server of all tests that need one (``--server``)."""
    if request.config.getoption("--server") == "stock":
        yield request.getfixturevalue("stock_postgres").server
        return
    with running_server(18) as server:
        yield server


@pytest.fixture(scope="session")
def stock_postgres() -> Iterator[Stock]:
    """Debian's PostgreSQL as it is shipped; mark the tests that use it with ``needs_stock``."""
    with stock_server() as stock:
        yield stock


@pytest.fixture
def database_url(postgres: Server) -> Iterator[str]:
    """The URL of a migrated database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    with postgres.database(migrated=False) as url:
        yield url


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger of this test's own."""
    async with open_ledger(database_url) as ledger:
        yield ledger


@pytest.fixture(scope="session")
def _shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    # It serves every test to the end: measured, it would slow them all down. What it does is
    # measured where it is tested.
    with ExitStack() as stack:
        with starting_unmeasured():
            folder = tmp_path_factory.mktemp("emulator")
            emulator = stack.enter_context(running_emulator(folder))
        yield emulator


@pytest.fixture
def emulator(_shared_emulator: Emulator) -> Emulator:
    """An emulator without quota, as new."""
    _shared_emulator.make_new()
    return _shared_emulator


@pytest.fixture
def start_emulator(tmp_path: Path) -> Iterator[Callable[[str], Emulator]]:
    """Start an emulator of this test's own, with settings in TOML."""
    with ExitStack() as stack:
        yield lambda toml: stack.enter_context(running_emulator(tmp_path, toml))


@pytest.fixture
def console(tmp_path: Path, database_url: str, emulator: Emulator) -> Console:
    """The command line, pointed at this test's database and the emulator."""
    home = tmp_path / "home"
    home.mkdir()
    settings = {
        "VOD_BATCH_DATABASE_URL": database_url,
        "VOD_BATCH_ENDPOINT": emulator.url,
        "VOD_BATCH_LOOKUP_QPS": "1000",
    }
    return Console(home, settings | KEY)


@pytest.fixture
def night(ledger: Ledger, emulator: Emulator, tmp_path: Path) -> Night:
    """The worker in this process, on this test's ledger and the emulator."""
    return Night(ledger, emulator, tmp_path)
