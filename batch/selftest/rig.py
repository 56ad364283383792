"""The parts of a self-test: PostgreSQL and emulator of its own, and workers that may be killed."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from batch.engine import service
from batch.errors import UnavailableError
from batch.ledger.embedded import Embedded
from batch.ledger.migrate import migrate
from batch.selftest.killing import Killer
from batch.selftest.plan import READ_TIMEOUT_SECONDS
from batch.settings import Settings, load_settings
from batch.vod.credentials import Credentials, CredentialSource

KEY = CredentialSource(lambda: Credentials("testid", "testsecret"))
"""The emulator's own key, known to everybody."""

_KILLED = -9
_QUIET = service.Watcher(started=lambda _n, _pace: None, attempted=lambda _report: None)


@dataclass(frozen=True, slots=True)
class Rig:
    """A running database and emulator, and the settings that point at them."""

    settings: Settings
    endpoint: str

    def reset(self) -> None:
        """Empty the ledger, the journals, the emulator's jobs and its faults."""
        shutil.rmtree(self.settings.journal_path, ignore_errors=True)
        asyncio.run(self._reset())

    def set_faults(self, faults: tuple[dict[str, object], ...]) -> None:
        """Replace the emulator's fault script."""
        asyncio.run(self._set_faults(faults))

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that the emulator made."""
        text = asyncio.run(self._get("jobs"))
        return [json.loads(line) for line in text.splitlines() if line]

    def wait_for_the_wire(self) -> None:
        """Return when the emulator has read what a killed worker had sent."""
        for _ in range(3):
            asyncio.run(self._get("healthz"))

    def submit(self, kill_at: int | None) -> int | None:
        """Run a worker in a process of its own; return its steps, ``None`` when it was killed."""
        return run_process(lambda: service.submit(self.settings, _QUIET, KEY), kill_at)

    def reconcile(self, kill_at: int | None = None) -> int | None:
        """Run one round of reconcile in a process of its own."""
        work = lambda: service.reconcile(self.settings, once=True, credentials=KEY)  # noqa: E731
        return run_process(work, kill_at)

    async def _reset(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(
                "TRUNCATE submissions, attempts, submission_history, batches, workers, journals, "
                "targets RESTART IDENTITY CASCADE"
            )
        finally:
            await connection.close()
        async with aiohttp.ClientSession(f"{self.endpoint}/_emulator/") as session:
            await session.post("reset")
            await session.delete("faults")

    @property
    def _url(self) -> str:
        assert self.settings.database_url
        return self.settings.database_url.get_secret_value()

    async def _set_faults(self, faults: tuple[dict[str, object], ...]) -> None:
        async with aiohttp.ClientSession(f"{self.endpoint}/_emulator/") as session:
            await session.delete("faults")
            if faults:
                async with session.post("faults", json=list(faults)) as answer:
                    answer.raise_for_status()

    async def _get(self, page: str) -> str:
        async with (
            aiohttp.ClientSession(f"{self.endpoint}/_emulator/") as session,
            session.get(page) as answer,
        ):
            return await answer.text()


def run_process(work: Callable[[], Coroutine[Any, Any, object]], kill_at: int | None) -> int | None:
    """Run ``work`` in a forked process, killed at step ``kill_at``.

    Forked, not started: the modules are there already, and a round takes a fraction of the time.
    Returns the steps that the work took, ``None`` when it was killed.

    Raises:
        UnavailableError: the work failed by itself.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_and_exit(work, kill_at, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == _KILLED:
        return None
    if code:
        raise UnavailableError(f"a worker of the self-test failed: {told.strip()[-2000:]}")
    return int(told)


def _run_and_exit(
    work: Callable[[], Coroutine[Any, Any, object]], kill_at: int | None, writing: int
) -> None:
    """Run in the child and leave without the parent's clean-up."""
    killer = Killer(kill_at)
    code = 1
    try:
        with asyncio.Runner() as runner:
            killer.install(runner.get_loop())
            runner.run(work())
        os.write(writing, str(killer.steps).encode())
        code = 0
    except BaseException:
        os.write(writing, traceback.format_exc().encode()[-4000:])
    finally:
        os._exit(code)


def _start_emulator() -> tuple["subprocess.Popen[str]", str]:
    """Start the emulator on a free port of loopback, with every look-up as quick as it may be."""
    command = [sys.executable, "-m", "batch.emulator", "--port", "0", "--qps", "0"]
    emulator = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert emulator.stdout
    line = emulator.stdout.readline()
    if "http://" not in line:
        emulator.terminate()
        raise UnavailableError("the emulator does not start; try: vod-batch emulator --port 0")
    return emulator, "http://" + line.strip().rpartition("http://")[2]


@contextlib.contextmanager
def open_rig(home: Path) -> Iterator[Rig]:
    """Start database and emulator under ``home``; both end with the block.

    Raises:
        UnavailableError: one of them does not start.
    """
    embedded = Embedded(home)
    emulator, endpoint = _start_emulator()
    try:
        asyncio.run(migrate(embedded.url))
        settings = load_settings(
            home=home, database_url=embedded.url, endpoint=endpoint, qps=2000.0, concurrency=4,
            settle="1ms", read_timeout=f"{READ_TIMEOUT_SECONDS}s", total_timeout="5s",
            account="selftest", region="cn-shanghai", lookup_qps=1000.0, poll_qps=1000.0,
            heartbeat_timeout="5s", grace="5s",
        )  # fmt: skip
        yield Rig(settings, endpoint)
    finally:
        emulator.terminate()
        emulator.wait()
        embedded.close()
