"""A way to the server's socket that any client takes, whatever the data folder is called.

The socket lies in the data folder. Its path may be too long for a socket (107 bytes), and hold what
a URL or a driver reads as its own. Then a client goes through a link of its own making, in a folder
that nobody else may write; any number of them, from any ``TMPDIR``, lead to the one socket.
"""

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from uuid import uuid4

SOCKET = ".s.PGSQL.5432"
"""The name of the server's socket, in its data folder."""

_LONGEST = 107
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


def reach_socket(data: Path) -> Path:
    """Return a path to the socket in ``data`` that may be connected to.

    Raises:
        OSError: a link is needed, and no temporary folder takes it.
    """
    return reach_folder(data) / SOCKET


def reach_folder(data: Path) -> Path:
    """Return ``data``, or a link to it where its own name will not do.

    Raises:
        OSError: as :func:`reach_socket`.
    """
    return data if _is_fit(data) else _link_to(data)


def _is_fit(folder: Path) -> bool:
    path = str(folder / SOCKET)
    return len(path) <= _LONGEST and _PLAIN.fullmatch(path) is not None


def _link_to(data: Path) -> Path:
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    places = [Path(place, f"vod-batch-{os.geteuid()}") for place in temporary_folders()]
    refusals = []
    for place in places:
        if not _is_fit(place / name):
            continue
        try:
            _make_private(place)
            return _linked(place / name, data)
        except OSError as error:
            refusals.append(f"{place}: {error.strerror or error}")
    raise OSError(
        f"the path of {data} is too long or too odd for a socket, and no temporary folder takes a "
        f"link to it ({'; '.join(refusals) or 'they are too long as well'}): set TMPDIR to a short "
        "one, or VOD_BATCH_HOME"
    )


def temporary_folders() -> list[str]:
    """Return where a passing file may be put, the best place first; any may turn out closed."""
    own = []
    with contextlib.suppress(FileNotFoundError):
        own.append(tempfile.gettempdir())
    return [*own, "/tmp", "/var/tmp", "/dev/shm"]  # noqa: S108


def _make_private(folder: Path) -> None:
    """Make a folder of this user's own, or see that it is.

    Raises:
        OSError: it cannot be made, or somebody else may write there.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not ours alone")


def _linked(link: Path, data: Path) -> Path:
    if not (link.is_symlink() and link.readlink() == data):
        new = link.with_name(f"{link.name}-{uuid4().hex}")
        new.symlink_to(data)
        new.replace(link)
    return link
