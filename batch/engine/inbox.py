"""The folder that new manifests arrive in, and where they go once they are loaded."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from batch.errors import ConfigurationError
from batch.intake.sources import is_quarantine_name

DONE, FAILED = "done", "failed"

_MANIFEST_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


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

    def settled_files(self) -> list[Path]:
        """Return the manifests that are whole, oldest first; the others wait for the next night."""
        now = time.time()
        found = []
        for path in self._manifests():
            status = path.stat()
            if now - status.st_mtime >= self._settled:
                found.append((status.st_mtime, path.name, path))
        return [path for _, _, path in sorted(found)]

    def unsettled_files(self) -> list[Path]:
        """Return the manifests that somebody may still be writing."""
        settled = set(self.settled_files())
        return [path for path in self._manifests() if path not in settled]

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

    def fail(self, path: Path, why: str) -> Path:
        """Move a manifest that cannot be loaded to ``failed/``, its reason beside it."""
        place = self.place(path, FAILED)
        path.replace(place)
        place.with_name(f"{place.name}.error.txt").write_text(why + "\n", encoding="utf-8")
        return place

    def _manifests(self) -> Iterator[Path]:
        for path in self.folder.iterdir():
            name = path.name.lower()
            hidden = name.startswith((".", "~"))
            ours = is_quarantine_name(path.name) or name.endswith(".results.csv")
            if path.is_file() and name.endswith(_MANIFEST_ENDINGS) and not hidden and not ours:
                yield path
