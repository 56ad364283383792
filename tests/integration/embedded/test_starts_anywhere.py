"""The embedded server starts where people are: any name of home, any remains, any environment."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batch.errors import VodBatchError
from batch.ledger.database import Database
from batch.ledger.embedded.server import Embedded
from batch.settings import load_settings
from tests.integration.embedded.test_never_harms import ask
from tests.support.waiting import eventually

_ODD = "a b#c%41'd\"e$(touch INJECTED)`touch INJECTED`;&,:=?@\\é\nz"


@pytest.mark.parametrize("name", [_ODD, "/".join(["l" * 60] * 4), "/".join([_ODD] * 4)])
async def test_any_name_of_home(
    new_home: Callable[[str], Path],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No shell and no URL reads it, and no socket is too far: the migration is done through it."""
    monkeypatch.chdir(tmp_path)
    home = new_home(name)
    for _ in range(2):
        database = await Database.open(load_settings(home=home))
        assert await database.version()
        await database.close()
    made = subprocess.run(
        ["find", tmp_path, home, "-name", "INJECTED"], capture_output=True, check=True
    )
    assert not made.stdout


_REMAINS: dict[str, dict[str, str]] = {
    "an empty pid file": {"postgres/postmaster.pid": ""},
    "a torn pid file": {"postgres/postmaster.pid": "12"},
    "a pid file of something else": {"postgres/postmaster.pid": "\0\xff nothing\n" * 9},
    "torn books of users": {"postgres/.handle_pids.json": "[12, ", "postgres.users": "[12, "},
    "a start that was killed": {"postgres.new-abcd/PG_VERSION": "18\n"},
    "a lock of the socket": {
        "postgres/.s.PGSQL.5432": "",
        "postgres/.s.PGSQL.5432.lock": f"{os.getppid()}\n",
    },
}


@pytest.mark.parametrize("remains", _REMAINS.values(), ids=_REMAINS)
def test_what_a_crash_leaves_is_no_obstacle(
    new_home: Callable[[], Path], remains: dict[str, str]
) -> None:
    """Nobody holds the server's lock, so whatever speaks of a server is an old story."""
    home = new_home()
    owner = (home / "postgres").stat()
    for name, text in remains.items():
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="latin-1")
        os.chown(path, owner.st_uid, owner.st_gid)
    with closing(Embedded(home)) as embedded:
        assert ask(embedded.url) == 42
    assert not list(home.glob("postgres.new-*"))
    assert not (home / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "xx_YY.UTF-8", "LANG": "xx_YY", "TZ": "No/Where", "PGPORT": "1", "PGHOST": "x"},
        {"PGDATA": "/nowhere", "PGOPTIONS": "-c nothing=1", "PGDATABASE": "none", "PGUSER": "none"},
    ],
    ids=["a locale that is missing", "variables of another server"],
)
async def test_the_environment_is_nothing_to_the_server(
    folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster is made, started and migrated the same everywhere."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    database = await Database.open(load_settings(home=folder / "home"))
    async with database.transaction() as connection:
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SELECT upper('é') || lower('Ä')") == "Éä"
        assert await connection.fetchval("SHOW TimeZone") in ("UTC", "Etc/UTC")
    await database.close()


def test_a_recovery_is_waited_for(
    new_home: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes as long as it takes; who waits is told so, and a second one waits as well."""
    home = new_home()
    go = home.parent / "go"
    data = home / "postgres"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(f"restore_command = 'until [ -e {go} ]; do sleep 0.1; done; false'\n")
    (data / "recovery.signal").touch()
    started: list[Embedded] = []
    starts = [
        threading.Thread(target=lambda: started.append(Embedded(home)), daemon=True)
        for _ in range(1)
    ]
    for start in starts:
        start.start()
    told: list[str] = []

    def is_told() -> bool:
        read = capsys.readouterr()
        told.append(read.out + read.err)
        return "recover" in "".join(told)

    try:
        eventually(is_told, "word that it waits", within=60)
        assert all(start.is_alive() for start in starts)
    finally:
        go.touch()
    for start in starts:
        start.join(60)
    assert len(started) == len(starts)
    assert ask(started[0].url) == 42
    for embedded in started:
        embedded.close()


def test_a_folder_of_another_major_version_names_the_way_out(new_home: Callable[..., Path]) -> None:
    """And one that is no cluster, or whose version cannot be read."""
    for text, words in (
        ("16\n", r"PostgreSQL 16.*Another major version.*docs/operating\.md"),
        ("", r"PG_VERSION.*backup"),
    ):
        home = new_home(f"home{text.strip()}")
        (home / "postgres" / "PG_VERSION").write_text(text)
        with pytest.raises(VodBatchError) as raised:
            Embedded(home)
        assert re.search(words, str(raised.value)), raised.value
        assert "\n" not in str(raised.value)
    home = new_home("strange")
    shutil.rmtree(home / "postgres")
    (home / "postgres").mkdir()
    (home / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(VodBatchError, match=r"notes\.txt"):
        Embedded(home)
    assert (home / "postgres" / "notes.txt").read_text() == "mine"
