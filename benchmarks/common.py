"""What the benchmarks share: media ids, an embedded PostgreSQL, servers, the command line, tables.

Everything runs on this machine, on loopback and Unix sockets, in a folder that is removed after.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import asyncpg

from batch.errors import ExitCode
from batch.ledger.embedded.server import Embedded
from tests.support.postgres import make_system_user
from tests.support.stock import Stock, find_binaries, stock_folder

_open = build_opener(ProxyHandler({})).open
_START_SECONDS = 30.0
_OURS = ("VOD_BATCH_", "ALIBABA_CLOUD_")


def media_id(number: int) -> str:
    """Return the id of media ``number``: 32 hex digits, in no order, as the cloud's are."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def write_manifest(path: Path, count: int) -> Path:
    """Write a CSV of ``count`` media ids with a header."""
    with path.open("w", encoding="utf-8") as file:
        file.write("media_id\n")
        file.writelines(f"{media_id(number)}\n" for number in range(count))
    return path


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """Lend a folder whose name is short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="vbb"))
    folder.chmod(0o755)  # as root the database's server runs as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def embedded_postgres(home: Path) -> Iterator[str]:
    """Keep the embedded PostgreSQL of ``home`` running for the block; yield its URL."""
    server = Embedded(home)
    try:
        yield server.url
    finally:
        server.close()


SERVERS = ("embedded", "stock")
"""The PostgreSQL of the wheel, and the newest one that this machine's own packages installed."""


@contextlib.contextmanager
def postgres(kind: str, home: Path) -> Iterator[str]:
    """Keep one of :data:`SERVERS` running for the block, as it is shipped; yield its URL."""
    with embedded_postgres(home) if kind == "embedded" else _stock_postgres() as url:
        yield url


@contextlib.contextmanager
def _stock_postgres() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("no stock PostgreSQL here: install Debian's package postgresql")
    make_system_user()
    with stock_folder() as folder:
        stock = Stock(binaries, folder)
        stock.make()
        stock.start()
        try:
            yield stock.server.url("postgres")
        finally:
            stock.stop()


async def new_database(url: str, name: str) -> str:
    """Make an empty database beside that of ``url``; return its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return url.replace("/postgres?", f"/{name}?")


async def server_facts(url: str) -> str:
    """Say which PostgreSQL it is, and what of its settings decides its pace."""
    connection = await asyncpg.connect(url)
    try:
        names = ("server_version", "fsync", "jit")
        version, fsync, jit = [await connection.fetchval(f"SHOW {name}") for name in names]
        return f"PostgreSQL {version}, fsync {fsync}, jit {jit}"
    finally:
        await connection.close()


@dataclass(frozen=True)
class HttpServer:
    """A server process that plays the cloud."""

    url: str

    def get(self, page: str) -> Any:
        """Return the JSON of one of its pages."""
        with _open(f"{self.url}/{page}", timeout=_START_SECONDS) as answer:
            return json.loads(answer.read())

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that the emulator made."""
        with _open(f"{self.url}/_emulator/jobs", timeout=_START_SECONDS) as answer:
            return [json.loads(line) for line in answer.read().splitlines() if line]

    def meter(self) -> dict[str, Any]:
        """Return what the emulator counted."""
        return dict(self.get("_emulator/meter"))


@contextlib.contextmanager
def http_server(*module_and_words: str) -> Iterator[HttpServer]:
    """Run ``python -m MODULE WORDS``, which prints its URL in its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module_and_words], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            if "http://" not in line:
                raise RuntimeError(f"{module_and_words[0]} did not start")
            yield HttpServer("http://" + line.strip().rpartition("http://")[2])
        finally:
            process.terminate()


def call(url: str, method: str, page: str, body: object = None) -> None:
    """Make one admin call of the emulator."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/{page}", data=data, method=method, headers=headers)
    with _open(request, timeout=_START_SECONDS) as answer:
        answer.read()


def clean_environment(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment without settings of the person's own, with the emulator's key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {
        **kept,
        "VOD_BATCH_HOME": str(home),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
        **settings,
    }


def start(environment: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    """Start ``vod-batch WORDS``; its log lines are dropped."""
    return subprocess.Popen(
        [sys.executable, "-m", "batch", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def finish(process: "subprocess.Popen[str]", *fine: ExitCode) -> dict[str, Any]:
    """Wait for a command started with ``--json``; return its answer.

    Raises:
        RuntimeError: it did not end well, nor with one of the codes in ``fine``.
    """
    out, _ = process.communicate()
    if process.returncode and process.returncode not in fine:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {out}")
    return dict(json.loads(out.splitlines()[-1]))


def run(environment: dict[str, str], *words: str, fine: Sequence[ExitCode] = ()) -> dict[str, Any]:
    """Run ``vod-batch WORDS --json`` to its end (:func:`finish`); return its answer."""
    return finish(start(environment, *words, "--json"), *fine)


def migrate(environment: dict[str, str]) -> None:
    """Bring the database that ``environment`` names up to this program."""
    command = [sys.executable, "-m", "batch", "migrate"]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, all others to the right."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        first, *others = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


@dataclass(frozen=True)
class Check:
    """One figure to hold."""

    name: str
    measured: str
    wanted: str
    holds: bool


def verdict(checks: Sequence[Check]) -> int:
    """Print the checks and return the exit code: 0 when all hold, else 1."""
    table(
        ("figure", "measured", "wanted", ""),
        [(c.name, c.measured, c.wanted, "PASS" if c.holds else "FAIL") for c in checks],
    )
    holds = all(check.holds for check in checks)
    print("PASS" if holds else "FAIL")
    return 0 if holds else 1
