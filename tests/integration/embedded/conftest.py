"""A home of the embedded server, made once and copied, so that a test costs a start only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batch.ledger.embedded.server import Embedded


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """A home whose server was started once and stopped; to be copied only."""
    folder = Path(tempfile.mkdtemp(prefix="vb", dir="/var/tmp"))
    folder.chmod(0o755)
    Embedded(folder / "home").close()
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for homes, outside of /tmp, which may be another one for somebody else."""
    path = Path(tempfile.mkdtemp(prefix="vb", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def new_home(made_home: Path, folder: Path) -> Callable[..., Path]:
    """Copy the made home to a path below the test's own folder; return it."""

    def copy(name: str | bytes = "home") -> Path:
        home = folder / os.fsdecode(name)
        home.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", made_home, home], check=True)
        return home

    return copy
