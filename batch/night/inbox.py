"""The folder that new manifests arrive in, and where they go once they are loaded."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.errors import ConfigurationError
from batch.intake.sources import printable_name

DONE, FAILED = "done", "failed"

_MOVE_INTO = os.W_OK | os.X_OK
_TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
_MANIFEST_ENDINGS = (*_TEXTS, *(f"{ending}.gz" for ending in _TEXTS))
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart", ".download")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A manifest as it was found: another file of its name later is another arrival."""

    path: Path
    is_whole: bool
    state: tuple[int, ...]


class Inbox:
    """One inbox folder. A file counts once nobody has written to it for ``settled`` seconds."""

    def __init__(self, folder: Path, settled: float) -> None:
        """Look at the folder.

        Raises:
            ConfigurationError: it is not there, or files cannot be moved in it.
        """
        self.folder = folder
        self._settled = settled
        if not folder.is_dir():
            raise ConfigurationError(f"there is no inbox {folder}; make it, or name another")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise ConfigurationError(f"files in the inbox {folder} cannot be read and moved")
        for place in (folder / DONE, folder / FAILED):
            if os.path.lexists(place) and not (place.is_dir() and os.access(place, _MOVE_INTO)):
                raise ConfigurationError(
                    f"files cannot be moved into {place}; make it a folder, or clear it away"
                )

    def arrivals(self) -> list[Arrival]:
        """Return the manifests, oldest first; one that is not whole waits for the next night."""
        now = time.time()
        found = []
        for path in self._manifests():
            with contextlib.suppress(FileNotFoundError):  # taken away since the folder was listed
                status = path.stat()
                whole = now - status.st_mtime >= self._settled
                found.append((status.st_mtime, path.name, Arrival(path, whole, _state(status))))
        return [arrival for _, _, arrival in sorted(found, key=lambda each: each[:2])]

    def not_taken(self) -> dict[str, str]:
        """Return what lies here and is no list, by name, with the reason and what to do."""
        return {
            printable_name(Path(path.name)): reason
            for path in sorted(self.folder.iterdir())
            if (reason := _why_not(path))
        }

    def put_away(self, arrival: Arrival) -> Path | None:
        """Move a manifest that was loaded to ``done/``; return where it lies now.

        One that is gone, or was written to or replaced since it was found, is left alone
        (``None``): what is new in it is loaded by the next night.

        Raises:
            ConfigurationError: it cannot be moved.
        """
        try:
            if _state(arrival.path.stat()) != arrival.state:
                return None
            place = self.place(arrival.path, DONE)
            shutil.move(arrival.path, place)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._immovable(arrival.path, DONE, error) from error
        return place

    def place(self, path: Path, kind: str) -> Path:
        """Return a free name for ``path`` in ``done/`` or ``failed/``, made on first use."""
        folder = self.folder / kind
        folder.mkdir(exist_ok=True)
        for number in range(10_000):
            stem, dot, ending = path.name.partition(".")
            name = f"{stem}-{number}{dot}{ending}" if number else path.name
            if not (folder / name).exists():
                return folder / name
        raise ConfigurationError(f"{folder} holds 10,000 files named like {path.name}; clear it")

    def fail(self, path: Path, why: str, kept: Path | None = None) -> None:
        """Move a manifest that cannot be loaded to ``failed/``, its reason beside it.

        ``kept`` is the file of its bad lines, which goes with it.

        Raises:
            ConfigurationError: it cannot be moved.
        """
        try:
            place = self.place(path, FAILED)
            path.replace(place)
        except FileNotFoundError:
            return  # that is why it could not be loaded
        except OSError as error:
            raise self._immovable(path, FAILED, error) from error
        with contextlib.suppress(OSError):  # the report says where it is
            if kept:
                kept.replace(self.place(kept, FAILED))
        with contextlib.suppress(OSError):  # the report says so too
            reason = why.encode("utf-8", errors="backslashreplace") + b"\n"
            place.with_name(f"{place.name}.error.txt").write_bytes(reason)

    def _immovable(self, path: Path, kind: str, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"cannot move {printable_name(path)} to {printable_name(self.folder / kind)}: "
            f"{error.strerror or error}; fix that folder, then run the night again"
        )

    def _manifests(self) -> Iterator[Path]:
        for path in self.folder.iterdir():
            if path.is_file() and not _is_passed_over(path) and _why_not(path) is None:
                yield path


def _is_passed_over(path: Path) -> bool:
    """Return whether a file is nobody's list: hidden, an editor's, or results of ours."""
    return path.name.startswith((".", "~")) or path.name.lower().endswith(".results.csv")


def _why_not(path: Path) -> str | None:
    """Return why something in the inbox is not loaded; ``None`` of lists and what says nothing."""
    name = path.name.lower()
    if _is_passed_over(path):
        return None
    if not path.is_file():
        is_ours = path.name in (DONE, FAILED)
        return None if is_ours else "a folder; put its lists into the inbox themselves"
    if name.endswith(_MANIFEST_ENDINGS):
        return None
    if name.endswith(_WORKBOOKS):
        return "a workbook; save it as CSV (in Excel: Save As, CSV UTF-8)"
    if name.endswith(_UNFINISHED):
        return "its name says that it is not whole; rename it when it is"
    return f"a list's name ends in {', '.join(_MANIFEST_ENDINGS)}; rename it if it is one"


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
