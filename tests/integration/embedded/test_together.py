"""Many commands on one home: starting at once, starting while one stops, killed in the middle."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.integration.embedded.test_one_server import (
    _end,
    _environment,
    _first_line,
    _holder,
    _servers,
)
from tests.support.waiting import PATIENCE, eventually

_CHURN = """
import asyncio, sys
from pathlib import Path
import asyncpg
from batch.ledger.embedded.server import Embedded
async def ask(url):
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT 1")
    await connection.close()
for _ in range(int(sys.argv[2])):
    embedded = Embedded(Path(sys.argv[1]))
    asyncio.run(ask(embedded.url))
    embedded.close()
"""


def test_four_that_start_at_once_on_nothing(folder: Path) -> None:
    """One makes the cluster, all of them use it, the last one stops it."""
    home = folder / "home"
    with contextlib.ExitStack() as stack:
        holders = [stack.enter_context(_holder(home)) for _ in range(4)]
        assert [_first_line(holder) for holder in holders] == ["up"] * 4
        (server,) = _servers(home)
        for holder in holders[:3]:
            _end(holder)
        assert _servers(home) == [server]
        _end(holders[3])
    assert not _servers(home)


def test_starts_while_others_stop(new_home: Callable[[], Path]) -> None:
    """Whoever comes while the last one leaves waits, and starts anew."""
    home = new_home()
    words = [sys.executable, "-c", _CHURN, str(home), "6"]
    started = [subprocess.Popen(words, env=_environment(home)) for _ in range(3)]
    assert [process.wait(PATIENCE) for process in started] == [0, 0, 0]
    assert not _servers(home)


def test_a_starter_that_is_killed_while_it_makes_the_cluster(folder: Path) -> None:
    """What it made is not taken for a cluster; the next one makes its own."""
    home = folder / "home"
    with _holder(home) as holder:
        eventually(lambda: list(home.glob("postgres.new-*/PG_VERSION")), "a half-made cluster")
        holder.kill()
    with _holder(home) as second:
        assert _first_line(second) == "up"
        assert len(_servers(home)) == 1
        _end(second)
    assert not list(home.glob("postgres.new-*"))


def _hold_recovery(home: Path) -> Path:
    """Let the next start recover until the file that is returned exists."""
    data, go = home / "postgres", home.parent / "go"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(f"restore_command = 'until [ -e {go} ]; do sleep 0.1; done; false'\n")
    (data / "recovery.signal").touch()
    return go


def test_a_starter_that_is_killed_during_recovery(new_home: Callable[[], Path]) -> None:
    """Its server goes on; the next one waits for it, uses it, and stops it."""
    home = new_home()
    go = _hold_recovery(home)
    with _holder(home) as holder:
        eventually(lambda: _servers(home), "the server")
        holder.kill()
    (server,) = _servers(home)
    with _holder(home) as second:
        go.touch()
        assert _first_line(second).endswith("up")
        assert _servers(home) == [server]
        _end(second)
    assert not _servers(home)


def test_a_starter_that_is_stopped_during_recovery(new_home: Callable[[], Path]) -> None:
    """It takes its server along, and the next one recovers."""
    home = new_home()
    go = _hold_recovery(home)
    words = [sys.executable, "-m", "batch", "status"]
    with subprocess.Popen(words, env=_environment(home)) as command:
        eventually((home / "postgres" / "postmaster.pid").exists, "the server")
        os.kill(command.pid, signal.SIGTERM)
        assert command.wait(PATIENCE) == 143
    go.touch()
    eventually(lambda: not _servers(home), "the server's end")
    with _holder(home) as second:
        assert _first_line(second) == "up"
        _end(second)
    assert not _servers(home)
