"""The journal's disk: it holds what was paid for, so it must write, sync, and last."""

import os
import shutil
import tempfile
from pathlib import Path

from batch.doctor.check import Check
from batch.errors import ExitCode

NEEDED_BYTES = 64 << 20
"""Less than this and a night is not begun: about 50,000 requests."""

WANTED_BYTES = 1 << 30
"""Less than this gives a warning: about a million requests."""

_FLEETING = {
    "tmpfs": "lies in memory and is gone with the machine",
    "ramfs": "lies in memory and is gone with the machine",
    "overlay": "lies in a container's own layer and is gone with the container",
}
_FIX = "name a folder on a disk that lasts with VOD_BATCH_JOURNAL"
_PREFIX = ".vod-batch-doctor-"


def check_journal(folder: Path, *, needed: int = NEEDED_BYTES, wanted: int = WANTED_BYTES) -> Check:
    """Write and sync a file where the journal is or would be made; leave nothing behind."""
    place = _nearest(folder)
    try:
        _write_and_sync(place)
        free = shutil.disk_usage(place).free
    except OSError as error:
        detail = f"{folder} cannot be written and synced ({error.strerror})"
        return Check("journal", detail, _FIX, ExitCode.CONFIGURATION)
    text = f"{folder}: {'writes' if place == folder else 'can be made'}, syncs, {_size(free)} free"
    if free < needed:
        fix = f"free {_size(wanted)}; without a journal nothing is sent"
        return Check("journal", text, fix, ExitCode.CONFIGURATION)
    kind = file_system(place)
    if kind in _FLEETING:
        return Check("journal", f"{text}; it {_FLEETING[kind]} ({kind})", _FIX)
    if free < wanted:
        return Check("journal", text, f"free {_size(wanted)}, or {_FIX}")
    return Check("journal", text)


def file_system(path: Path) -> str:
    """Return the type of the file system that ``path`` lies on, ``""`` where that is unknown."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = ("", "")
    for line in lines:
        mounted, _, about = line.partition(" - ")
        # The kernel writes a space in a path as \040.
        point = mounted.split(" ")[4].encode().decode("unicode_escape")
        # A later mount on the same point hides the earlier one.
        if path.resolve().is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, about.split(" ")[0])
    return found[1]


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or what it would be made in."""
    return next((place for place in (folder, *folder.parents) if place.exists()), folder)


def _write_and_sync(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX) as file:
        file.write(b"vod-batch\n")
        file.flush()
        os.fsync(file.fileno())
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):,.0f} MiB"
