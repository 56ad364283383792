"""What can be seen of the server on a data folder, and whether it can be believed.

The pid file holds a number and a word. The word is believed while somebody answers at the socket;
the number never: after a crash, or in a new container, it is soon another process. Who answers is
known from the kernel.
"""

import contextlib
import socket
import struct
from enum import Enum, auto
from pathlib import Path

import psutil

from batch.ledger.embedded.program_copies import PROGRAM
from batch.ledger.embedded.socket_path import SOCKET, reach_socket

_PID_FILE = "postmaster.pid"
_WORD_LINE = 7


class Listener(Enum):
    """Who answers at the data folder's socket."""

    NOBODY = auto()
    OURS = auto()  # a process that we see
    FOREIGN = auto()  # one of another process namespace: it ends when that does


def who_answers(data: Path) -> Listener:
    """Ask the socket in the data folder who listens there."""
    pid = _listener(data)
    if pid is None:
        return Listener.NOBODY
    if not hasattr(socket, "SO_PEERCRED") or _shares_our_numbers(pid):
        return Listener.OURS
    return Listener.FOREIGN


def find_server(data: Path) -> psutil.Process | None:
    """Return the process that answers at the socket, if it is the server of ``data``.

    It is known by its program and its folder; and, when it is sent a signal, by its start time.

    Raises:
        psutil.Error: it has just ended.
    """
    pid = _listener(data)
    if not pid:
        return None
    process = psutil.Process(pid)
    is_server = serves(pid, data)
    if is_server is None:
        # Root in a container may not look. It answers at the socket in a folder that is closed to
        # all but its owner.
        is_server = (process.name(), process.uids().real) == (PROGRAM, data.stat().st_uid)
    return process if is_server else None


def word_of(data: Path, pid: int | None = None) -> str:
    """Return what the server writes of itself: ``starting``, ``ready``, ``stopping``; or nothing.

    With ``pid``, only the word of the server of that number counts.
    """
    lines = _read_pid_file(data)
    if len(lines) <= _WORD_LINE or (pid is not None and lines[0].strip() != str(pid)):
        return ""
    return lines[_WORD_LINE].strip()


def forget_server(data: Path) -> None:
    """Drop what a server left that died: PostgreSQL would believe it."""
    for name in (_PID_FILE, SOCKET, f"{SOCKET}.lock"):
        (data / name).unlink(missing_ok=True)


def _listener(data: Path) -> int | None:
    """Return the process id of who listens, as we see it: 0 for one that we do not see.

    ``None``: nobody does. Where the kernel does not say, the pid file has to.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(reach_socket(data)))
        except OSError:
            return None
        if not hasattr(socket, "SO_PEERCRED"):
            return read_pid(data)
        packed = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", packed)[0])


def _shares_our_numbers(pid: int) -> bool:
    """Return whether the process lives in our own process namespace."""
    try:
        return Path(f"/proc/{pid}/ns/pid").samefile("/proc/self/ns/pid")
    except PermissionError:
        return True  # of another user, and so visible at all
    except OSError:
        return False


def serves(pid: int, data: Path) -> bool | None:
    """Return whether the process is a PostgreSQL at work in ``data``; ``None``: it is not shown."""
    try:
        process = psutil.Process(pid)
        program = Path(process.exe()).name.removesuffix(" (deleted)")  # upgraded under its feet
        return program == PROGRAM and data.samefile(process.cwd())
    except psutil.AccessDenied:
        return None
    except (psutil.Error, OSError):
        return False


def _read_pid_file(data: Path) -> list[str]:
    try:
        return (data / _PID_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def read_pid(data: Path) -> int:
    """Return the process id in the pid file, 0 for none that can be read."""
    first = (_read_pid_file(data) or [""])[0].strip()
    return int(first) if first.isascii() and first.isdecimal() else 0
