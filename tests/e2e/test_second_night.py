"""A second night, started while the first one has the lock: told so, and nothing touched."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.cloud import Emulator
from tests.support.console import Console, Ended
from tests.support.hearing import Hearing, hearing_server
from tests.support.ledger import media, write_csv
from tests.support.waiting import soon
from tests.support.warm import Forked

HELD = re.compile(
    r"vod-batch: another night of default/cn-shanghai runs since "
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: run (?P<run>[0-9a-f-]{36}) on (?P<host>\S+), "
    r"pid (?P<pid>\d+)\n"
)


@pytest.fixture
async def check() -> AsyncIterator[Hearing]:
    """A check that hears who pings it."""
    async with hearing_server() as hearing:
        yield hearing


@pytest.fixture
def shift(console: Console, check: Hearing) -> Console:
    """The command line with an inbox, a check to ping, and files that count at once."""
    (console.home / "inbox").mkdir()
    return console.having(
        VOD_BATCH_SETTLED_AFTER="1ms",
        VOD_BATCH_PREFLIGHT="false",
        VOD_BATCH_PING_URL=f"{check.url}/ping/5f3759df-1234-4abc-8def-00d9f2e3a4b5",
    )


@asynccontextmanager
async def _busy_night(
    shift: Console, emulator: Emulator, *, number: int = 1
) -> AsyncIterator[Forked]:
    """Keep a night in the middle of the request for a media for the block; then kill it."""
    emulator.fault("delay", seconds=300)
    write_csv(shift.home / "inbox" / "first.csv", [media(number)])
    with shift.started("nightly", "inbox") as first:

        async def is_sending() -> bool:
            return await asyncio.to_thread(emulator.submits) == 1

        await soon(is_sending, "the first request of the night")
        yield first


def _everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (status.st_size, status.st_mtime_ns) for path, status in found.items()}


async def _second(shift: Console) -> Ended:
    return await asyncio.to_thread(shift.run, "nightly", "inbox", code=75)


def _assert_names(ended: Ended, first: Forked) -> str:
    """Assert that a second night was told who is the first; return the run."""
    told = HELD.fullmatch(ended.stderr)
    assert told, ended
    assert (told["host"], int(told["pid"])) == (socket.gethostname(), first.pid)
    return told["run"]


@pytest.mark.parametrize("database", ["own", "embedded"])
async def test_a_second_night_ends_with_75_and_names_the_first(
    shift: Console, emulator: Emulator, check: Hearing, database: str
) -> None:
    """Inbox, check, cloud and ledger hear nothing of it."""
    if database == "embedded":
        shift = shift.having(VOD_BATCH_DATABASE_URL=None)
    async with _busy_night(shift, emulator) as first:
        write_csv(shift.home / "inbox" / "second.csv", [media(2)])
        before = _everything_in(shift.home / "inbox")
        ended = await _second(shift)
        run = _assert_names(ended, first)
        assert ended.stdout == ""
        assert _everything_in(shift.home / "inbox") == before
        assert [heard.query["rid"] for heard in check.heard] == [run]
        assert emulator.submits() == 1
        assert first.poll() is None


async def test_a_killed_night_gives_the_lock_back_and_is_not_named(
    shift: Console, emulator: Emulator
) -> None:
    """The lock goes with its process; its row, which never ended, is nobody's any more."""
    async with _busy_night(shift, emulator) as killed:
        killed.kill()
        killed.wait()
    emulator.make_new()
    async with _busy_night(shift, emulator, number=2) as first:
        _assert_names(await _second(shift), first)


async def test_a_night_of_another_target_is_no_obstacle(shift: Console, emulator: Emulator) -> None:
    """One night at a time is for one account and region."""
    async with _busy_night(shift, emulator):
        (shift.home / "other").mkdir()
        await asyncio.to_thread(shift.run, "nightly", "other", "--account", "other")
