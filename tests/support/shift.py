"""A night shift on the command line: an inbox, a clock that may be set, and what the night left."""

import csv
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.cloud import Emulator
from tests.support.console import Console, Ended
from tests.support.ledger import media, write_csv


@dataclass
class Shift:
    """Runs ``vod-batch nightly`` on one inbox."""

    console: Console
    emulator: Emulator
    inbox: Path
    words: list[str] = field(default_factory=list)

    def drop(self, name: str, numbers: Iterable[int], types: str | None = None) -> Path:
        """Put a whole list into the inbox, written an hour ago."""
        return self.settle(write_csv(self.inbox / name, [media(n) for n in numbers], types))

    def having(self, **settings: object) -> "Shift":
        """Return a shift on the same inbox with more settings."""
        return replace(self, console=self.console.having(**settings))

    def settle_text(self, name: str, text: str) -> Path:
        """Put a file of these words into the inbox, written an hour ago."""
        path = self.inbox / name
        path.write_text(text, encoding="utf-8")
        return self.settle(path)

    def settle(self, path: Path) -> Path:
        """Let a file look as if nobody had written to it for an hour."""
        long_ago = time.time() - 3600
        os.utime(path, (long_ago, long_ago))
        return path

    def run(self, *words: str, code: int | None = 0) -> Ended:
        """Run one night to its end."""
        return self.console.run("nightly", str(self.inbox), *self.words, *words, code=code)

    def facts(self, *words: str, code: int | None = 0) -> dict[str, Any]:
        """Run one night; return its report as facts."""
        ended = self.run("--json", *words, code=code)
        return dict(json.loads(ended.stdout))

    def rows(self) -> list[dict[str, str]]:
        """Return every row of ``export``."""
        return list(csv.DictReader(self.console.run("export").stdout.splitlines()))

    def states(self) -> dict[str, int]:
        """Return how many submissions stand where, without the empty states."""
        told = json.loads(self.console.run("status", "--json").stdout)["states"]
        return {state: count for state, count in told.items() if count}
