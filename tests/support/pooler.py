"""PgBouncer as Debian ships it, between a test and its database; skip where there is none."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.waiting import eventually

SYSTEM_USER = "pgserver"
"""Who it runs as where the suite is root, which it refuses to be."""


def find_pgbouncer() -> str | None:
    """Return the program, which Debian keeps out of a user's path."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


needs_pgbouncer = pytest.mark.skipif(
    find_pgbouncer() is None,
    reason="no PgBouncer here: install Debian's package pgbouncer (.ci/run does, as root)",
)


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer; ``url`` leads through it."""

    url: str


@contextlib.contextmanager
def pooler_to(url: str, mode: str, *, size: int = 20) -> Iterator[Pooler]:
    """Run one in ``mode`` (session, transaction) before ``url``, with at most ``size`` backends."""
    program = find_pgbouncer()
    assert program, "guard the test with needs_pgbouncer"
    host = parse_qs(urlsplit(url).query)["host"][0]
    folder = Path(tempfile.mkdtemp(prefix="pb"))
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={host} port=5432\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n"
        f"logfile = {folder}/log\n",
        encoding="utf-8",
    )
    # auth_type any: everybody is this user there, whoever they say they are.
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("port=5432", "port=5432 user=postgres"), encoding="utf-8")
    is_root = os.geteuid() == 0
    if is_root:
        folder.chmod(0o755)
        for path in (folder, config):
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
    process = subprocess.Popen(
        [program, str(config)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        user=SYSTEM_USER if is_root else None, group=SYSTEM_USER if is_root else None,
        extra_groups=[] if is_root else None,
    )  # fmt: skip

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        eventually(listens, "PgBouncer", within=60)
        yield Pooler(f"postgresql://postgres@127.0.0.1:{port}{urlsplit(url).path}?sslmode=disable")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
