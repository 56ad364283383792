"""The embedded PostgreSQL 18: a server of our own in a wheel, for one machine with nothing set up.

It listens on a Unix socket only. The first command that needs it starts it, the last one that ends
stops it; one that is killed leaves it to the next. One data folder never has two
(:mod:`batch.ledger.embedded.postmaster`).
"""

from pathlib import Path

from batch.errors import DatabaseUnavailableError, VodBatchError, in_one_line
from batch.ledger.embedded.cluster import make_home
from batch.ledger.embedded.socket_path import reach_folder


class Embedded:
    """A handle on the server under ``home``; close it to let the server stop."""

    def __init__(self, home: Path) -> None:
        """Start the server under ``home``, or join the one that runs there.

        A recovery is waited for, and said so in the log.

        Raises:
            VodBatchError: it does not start, or is not ours to use; with what to do.
        """
        data = home / "postgres"
        from batch.ledger.embedded.users import (
            Use,  # a ledger elsewhere does not pay for its imports
        )

        try:
            make_home(home)
            data = data.resolve()
            folder = reach_folder(data)
            self._use = Use.join(data)
        except VodBatchError:
            raise
        except Exception as error:
            raise DatabaseUnavailableError(
                f"the embedded PostgreSQL under {data} does not start ({in_one_line(error)}); see "
                f"{data / 'log'}, or set VOD_BATCH_DATABASE_URL to a server of yours"
            ) from error
        self.url = f"postgresql://postgres@/postgres?host={folder}&port=5432"

    def stop_server(self) -> None:
        """Stop the server under everybody's feet, for a proof that this is survived."""
        with self._use.turn():
            self._use.postmaster.stop()

    def start_server(self) -> None:
        """Start it again, at the same socket."""
        with self._use.turn():
            self._use.postmaster.ensure_running()

    def close(self) -> None:
        """Give the handle back; the last one of the last process stops the server."""
        self._use.leave()
