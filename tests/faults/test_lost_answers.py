"""Every writing statement, its answer lost after COMMIT: what its owner does next."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from batch.ledger.database import Database
from batch.ledger.statements import Repeat, names, repeat, statement
from tests.support import owners_of_words, owners_of_work
from tests.support.ledger import Ledger, media, open_ledger
from tests.support.lost_answer import answer_lost
from tests.support.lost_world import World
from tests.support.postgres import Server

CASES = owners_of_work.CASES | owners_of_words.CASES

_WRITES = re.compile(
    r"\b(INSERT\s+INTO|UPDATE\s+\w+|DELETE\s+FROM|TRUNCATE|CREATE|setval|nextval)\b"
)
_TEXT = re.compile(r"--[^\n]*|'[^']*'|FOR\s+(NO\s+KEY\s+)?UPDATE")


def _writing() -> list[str]:
    """Return the statements that change a row, by their words."""
    return [name for name in names() if _WRITES.search(_TEXT.sub("", statement(name)))]


async def test_a_statement_says_what_repeating_it_does_where_it_writes(ledger: Ledger) -> None:
    """And no function of ours writes behind its back."""
    marked = {name for name in names() if repeat(name) is not Repeat.READS}
    assert marked == set(_writing())
    ours = await ledger.sql.fetch(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND prorettype <> 'trigger'::regtype"
    )
    write = [row["proname"] for row in ours if _WRITES.search(_TEXT.sub("", row["prosrc"]))]
    assert not [(f, n) for f in write for n in names() if f in statement(n)]


@pytest.mark.parametrize("name", [n for n in _writing() if repeat(n) is not Repeat.NEVER])
async def test_nothing_is_done_twice(postgres: Server, tmp_path: Path, name: str) -> None:
    """The result, and every row that is left, are those of a line that was not cut."""
    assert name in CASES, f"say in tests/support/owners_of_*.py what the owner of {name} does"
    whole = await _done(postgres, tmp_path, name, cut=False)
    assert await _done(postgres, tmp_path, name, cut=True) == whole


async def test_a_begin_is_given_back_and_begun_again(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody heard of the first: it was surely not sent, counts for nothing and binds nothing."""
    async with _line(ledger, "begin", cut=True) as database:
        begin = await CASES["begin"](World(ledger, database, tmp_path))
        claims: Any = await begin()
    assert [claim.media_id for claim in claims] == [media(1), media(2)]
    for row in await ledger.rows():
        assert (row["state"], row["lease"], row["attempts"]) == ("submitting", 2, 1)
        first, second = await ledger.attempts(row["id"])
        assert (first["outcome"], second["outcome"]) == ("not_sent", None)
    await ledger.check()


async def test_a_mark_goes_once_nobody_can_wait_for_it(ledger: Ledger) -> None:
    """The next command's takes those of a week ago with it, and waits for none that is in use."""
    old, used, young, new = (UUID(int=n) for n in range(4))
    for mark in (old, used, young):
        await ledger.sql.fetch(statement("mark_commit"), mark, 1)
    await ledger.sql.execute(
        "UPDATE commit_marks SET marked_at = now() - make_interval(days => CASE id WHEN $1 THEN 6 "
        "ELSE 8 END)", young,
    )  # fmt: skip
    async with ledger.database.transaction() as connection:
        await connection.execute("SELECT FROM commit_marks WHERE id = $1 FOR UPDATE", used)
        await ledger.sql.fetch(statement("mark_commit"), new, 1)
    left = await ledger.sql.fetch("SELECT id FROM commit_marks ORDER BY id")
    assert [row["id"] for row in left] == [used, young, new]


async def _done(postgres: Server, home: Path, name: str, *, cut: bool) -> tuple[object, object]:
    """Do what the owner of ``name`` does; return what it came to, and the ledger after it."""
    with postgres.database() as url:
        async with open_ledger(url) as ledger, _line(ledger, name, cut=cut) as database:
            act = await CASES[name](World(ledger, database, home))
            result = await act()
            await ledger.check()
            return result, await _rows(ledger.sql)


@asynccontextmanager
async def _line(ledger: Ledger, name: str, *, cut: bool) -> AsyncIterator[Database]:
    async with answer_lost(ledger.url, statement(name) if cut else "") as line:
        settings = ledger.settings.model_copy(update={"database_url": SecretStr(line.url)})
        database = await Database.open(settings)
        try:
            yield database
        finally:
            await database.close()
        assert line.cuts == cut


async def _rows(sql: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of the ledger but its times, the marks of our own, and what a test drew."""
    columns = await sql.fetch(
        "SELECT table_name AS table, column_name AS name, data_type AS type "
        "FROM information_schema.columns JOIN pg_tables ON tablename = table_name "
        "WHERE table_schema = 'public' AND schemaname = 'public' "
        "AND table_name <> ALL ('{schema_migrations,transitions,commit_marks}')"
    )
    tables: dict[str, list[str]] = {}
    for column in columns:
        told = f'"{column["name"]}"'
        drawn = column["type"] in ("timestamp with time zone", "interval")
        if drawn or (column["table"], column["name"]) in _DRAWN:
            told += f' IS NOT NULL AS "{column["name"]}"'
        tables.setdefault(column["table"], []).append(told)
    found = {}
    for table, chosen in sorted(tables.items()):
        rows = await sql.fetch(f"SELECT {', '.join(sorted(chosen))} FROM {table}")
        found[table] = sorted((dict(row) for row in rows), key=repr)
    return found


_DRAWN = {("batches", "sha256"), ("attempts", "nonce"), ("attempts", "worker_id"),
          ("submissions", "worker_id"), ("workers", "id"), ("batches", "source")}  # fmt: skip
