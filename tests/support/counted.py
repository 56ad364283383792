"""A command that counts what it opens: ``python -m tests.support.counted FILE WORD...``.

Each seam is called as ever, and counted. ``FILE`` gets the counts as JSON when the command ends;
``connection NAME`` is by the name that PostgreSQL knows a connection by.
"""

import atexit
import functools
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from batch.cli import main
from batch.ledger import database, lineage, recovery
from batch.vod.chain import Chain
from batch.vod.client import VodClient

counts: Counter[str] = Counter()


def _count(owner: Any, name: str, told: Callable[..., str]) -> None:
    """Let calls of ``owner.name`` be counted under what ``told`` makes of their arguments."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def counted(*arguments: Any, **named: Any) -> Any:
        counts[told(*arguments, **named)] += 1
        return real(*arguments, **named)

    setattr(owner, name, counted)


def _connection(*_: Any, server_settings: dict[str, str], **__: Any) -> str:
    words = server_settings.get("application_name", "without a name").split(" ")
    return f"connection {' '.join(words[:2])}"


_count(asyncpg, "create_pool", lambda **_: "pool")
_count(asyncpg, "connect", _connection)
_count(database, "check_version", lambda *_: "schema check")
_count(database, "statement", lambda name: f"statement {name}")
_count(VodClient, "__init__", lambda *_, **__: "cloud client")
_count(Chain, "__init__", lambda *_: "credential chain")
_count(recovery, "replay_journals", lambda *_, **__: "journal replay")
_count(lineage, "check_place", lambda *_, **__: "look at the server's place")

if __name__ == "__main__":
    to = Path(sys.argv.pop(1))
    atexit.register(lambda: to.write_text(json.dumps(counts)))
    main.run()
