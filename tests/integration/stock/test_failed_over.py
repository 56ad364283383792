"""A start after the database changed hands, or came back from a copy: what it may go on with."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batch.errors import ExitCode
from tests.support.accepting import accept
from tests.support.cloud import Emulator
from tests.support.console import KEY, Console
from tests.support.ledger import media, write_csv
from tests.support.stock import Pair, Stock, needs_stock, stock_pair, stock_server
from tests.support.waiting import eventually

pytestmark = needs_stock

MEDIA = 6


def _console(home: Path, url: str, emulator: Emulator) -> Console:
    settings = {
        "VOD_BATCH_DATABASE_URL": url, "VOD_BATCH_ENDPOINT": emulator.url,
        "VOD_BATCH_QPS": "1000", "VOD_BATCH_SETTLE": "1ms",
    }  # fmt: skip
    return Console(home, settings | KEY)


def _at(stock: Stock, url: str) -> str:
    return stock.server.url(urlsplit(url).path[1:])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A list of a few media."""
    return write_csv(tmp_path / "list.csv", (media(n) for n in range(MEDIA)))


def test_a_clean_failover_needs_nobody(emulator: Emulator, tmp_path: Path, manifest: Path) -> None:
    """Another timeline and nothing lost: the next start goes on by itself."""
    with stock_pair() as pair, pair.primary.server.database(keep=True) as url:
        here = _console(tmp_path, url, emulator)
        here.run("load", str(manifest))
        here.run("submit", "--max-submissions", "3", code=ExitCode.CARRIED_OVER)
        eventually(pair.has_caught_up, "the standby")
        pair.fail_over()
        here.having(VOD_BATCH_DATABASE_URL=_at(pair.standby, url)).run("submit")
    assert emulator.submits() == MEDIA


def test_a_lost_tail_stops_the_start_until_it_is_accepted(
    emulator: Emulator, tmp_path: Path, manifest: Path
) -> None:
    """The standby lacks a whole run: our journal has it, another machine's nobody knows."""
    with stock_pair() as pair, pair.primary.server.database(keep=True) as url:
        here = _console(tmp_path, url, emulator)
        here.run("load", str(manifest))
        _lose(pair, lambda: here.run("submit"))
        after = here.having(VOD_BATCH_DATABASE_URL=_at(pair.standby, url))
        for _ in range(2):
            told = after.run("submit", code=ExitCode.CONFIGURATION).stderr
            assert "went back" in told
            assert "doctor --accept failover" in told
        assert "accepted" in accept(after, "failover")
        after.run("submit")
        assert "nothing to accept" in accept(after, "failover")
    assert emulator.submits() == MEDIA


def _lose(pair: Pair, work: object) -> None:
    """Do ``work`` so that the standby, which takes over then, does not have it."""
    assert callable(work)
    eventually(pair.has_caught_up, "the standby")
    pair.lose_what_comes()
    work()
    pair.fail_over()


def test_a_restored_copy_stops_the_start_until_it_is_accepted(
    emulator: Emulator, tmp_path: Path, manifest: Path
) -> None:
    """The files of the cluster come back as they were: same timeline, and the log went back."""
    with stock_server() as stock, stock.server.database(keep=True) as url:
        here = _console(tmp_path, url, emulator)
        here.run("load", str(manifest))
        stock.stop()
        copy = stock.folder / "copy"
        subprocess.run(["cp", "-a", str(stock.data), str(copy)], check=True)
        stock.start()
        here.run("submit")
        stock.stop()
        shutil.rmtree(stock.data)
        copy.rename(stock.data)
        stock.start()
        assert "went back" in here.run("submit", code=ExitCode.CONFIGURATION).stderr
        assert "accepted" in accept(here, "failover")
        here.run("submit")
    assert emulator.submits() == MEDIA
