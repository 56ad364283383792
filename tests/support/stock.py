"""Debian's PostgreSQL as it is shipped: one server, a crash, a standby that takes over.

Nothing is set but where it listens: its own ``initdb``, its own defaults, fsync and JIT included.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.postgres import Server
from tests.support.waiting import eventually

NEWEST = 18
SYSTEM_USER = "pgserver"
"""Who the suite's servers run as where the suite is root (``make_system_user``)."""


def find_binaries() -> Path | None:
    """Return the programs of the newest PostgreSQL that this machine's own packages installed."""
    found = {}
    for path in Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"):
        found[path.parent] = path.parent.parent.name
    if on_path := shutil.which("pg_ctl"):
        told = subprocess.run([on_path, "--version"], capture_output=True, text=True).stdout
        if version := re.search(r"(\d+)", told):
            found[Path(on_path).resolve().parent] = version[1]
    majors = {folder: int(major) for folder, major in found.items() if major.isdecimal()}
    usable = {
        folder: major
        for folder, major in majors.items()
        if major <= NEWEST and (folder / "initdb").exists()
    }
    return max(usable, key=lambda folder: usable[folder], default=None)


needs_stock = pytest.mark.skipif(
    find_binaries() is None,
    reason="no stock PostgreSQL here: install Debian's package postgresql (.ci/run does, as root)",
)


@dataclass
class Stock:
    """One stock server. ``url`` and ``psql`` are its :class:`Server`'s."""

    binaries: Path
    folder: Path
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        """Name its place; the folder's name is short enough for a socket."""
        uri = f"postgresql://postgres:@/postgres?host={self.folder}"
        major = int(self._run("pg_ctl", "--version").split()[2].split(".")[0])
        self.server = Server(major, self.folder, uri, self.binaries)

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def make(self) -> None:
        """Make an empty cluster."""
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8")

    def start(self) -> None:
        """Start it, or start it again; it recovers by itself."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder}"

        def started() -> bool:
            # Of a server that was killed some processes may live a moment longer.
            return self._try("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"),
                             "-o", options, "start").returncode == 0  # fmt: skip

        eventually(started, f"the start of {self.data}", within=60)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash: nothing is written down at the end."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Take its first process away with SIGKILL, as the kernel does when memory runs out."""
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def set(self, **settings: object) -> None:
        """Change what a restart or a reload reads, as an administrator does."""
        for name, value in settings.items():
            self.server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.server.psql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make a standby the primary, and return when it takes writes."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def copy_for_standby(self, folder: Path, primary: str) -> "Stock":
        """Return a standby in ``folder``, not started, that follows ``primary`` (host, or a port).

        ``primary`` is a folder of a socket, as here, or what leads there.
        """
        standby = Stock(self.binaries, folder)
        self._run("pg_basebackup", "-h", str(self.folder), "-U", "postgres", "-D",
                  str(standby.data), "-R", "-c", "fast")  # fmt: skip
        with (standby.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.write(f"primary_conninfo = '{primary} user=postgres sslmode=disable'\n")
        return standby

    def _run(self, program: str, *words: str) -> str:
        done = self._try(program, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _try(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        # A file, not a pipe: the server keeps what its starter gave it for its life.
        with tempfile.TemporaryFile("w+") as told:
            done = subprocess.run(
                [str(self.binaries / program), *words],
                stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd="/",
                user=SYSTEM_USER if os.geteuid() == 0 else None,
                group=SYSTEM_USER if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
            )  # fmt: skip
            told.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, told.read(), "")


@contextlib.contextmanager
def stock_folder() -> Iterator[Path]:
    """Lend a folder that a server may own, its name short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="vs"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def stock_server() -> Iterator[Stock]:
    """Run a stock server with the template of a migrated ledger."""
    binaries = find_binaries()
    assert binaries, "guard the test with needs_stock"
    with stock_folder() as folder:
        stock = Stock(binaries, folder)
        stock.make()
        stock.start()
        try:
            stock.server.make_template()
            yield stock
        finally:
            with contextlib.suppress(AssertionError):
                stock.stop("immediate")


@dataclass
class Pair:
    """A primary and its asynchronous standby, and the line between them."""

    primary: Stock
    standby: Stock

    def lose_what_comes(self) -> None:
        """Freeze the standby's receiver: whatever is committed from now on it will not have."""
        for pid in self._receivers():
            os.kill(pid, signal.SIGSTOP)

    def has_caught_up(self) -> bool:
        """Tell whether the standby has all that the primary has committed so far."""
        at = self.primary.server.psql("SELECT pg_current_wal_lsn()").strip()
        ask = f"SELECT coalesce(pg_last_wal_replay_lsn() >= '{at}', false)"
        return self.standby.server.psql(ask).strip() == "t"

    def fail_over(self) -> None:
        """Crash the primary and promote the standby."""
        self.primary.stop("immediate")
        for pid in self._receivers():
            os.kill(pid, signal.SIGTERM)  # first: awake, it would read what waits in its socket
            os.kill(pid, signal.SIGCONT)
        self.standby.promote()

    def _receivers(self) -> list[int]:
        told = self.standby.server.psql("SELECT pid FROM pg_stat_wal_receiver")
        return [int(line) for line in told.split()]


@contextlib.contextmanager
def stock_pair() -> Iterator[Pair]:
    """Run a primary with a template ledger, and a standby that follows it."""
    with stock_server() as primary, stock_folder() as folder:
        standby = primary.copy_for_standby(folder, f"host={primary.folder}")
        standby.start()
        pair = Pair(primary, standby)
        try:
            eventually(pair._receivers, "the standby's receiver")
            eventually(pair.has_caught_up, "the standby")
            yield pair
        finally:
            with contextlib.suppress(AssertionError):
                standby.stop("immediate")
