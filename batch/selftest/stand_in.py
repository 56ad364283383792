"""The emulator of a self-test: a process of its own, steered through its admin pages."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from batch.errors import UnavailableError
from batch.selftest.vocabulary import Words


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running emulator (``batch.emulator.admin``)."""

    endpoint: str

    def forget(self) -> None:
        """Forget jobs, nonces, faults and words."""
        self._call("POST", "reset")
        self.behave()

    def behave(self) -> None:
        """Let all go well, in the documented words."""
        self._call("DELETE", "faults")
        self._call("DELETE", "words")

    def misbehave(
        self,
        faults: Sequence[dict[str, object]],
        words: Words | None,
        switches: dict[str, dict[str, Any]] | None,
    ) -> None:
        """Lay faults, words and switches over those in force."""
        if faults:
            self._call("POST", "faults", list(faults))
        if words:
            self._call("POST", "words", words)
        if switches:
            self._call("POST", "switches", switches)

    def set_clock(self, seconds_ahead: float) -> None:
        """Let the cloud's clock be so far ahead of ours, behind if negative."""
        now = json.loads(self._call("GET", "clock"))
        self._call("POST", "clock", {"advance_seconds": seconds_ahead - now["offset_seconds"]})

    def elapse(self, seconds: float, expired_nonces: Sequence[str]) -> None:
        """Let time pass for what it remembers, and for requests that were signed."""
        body = {"seconds": seconds, "expired_nonces": list(expired_nonces)}
        self._call("POST", "elapse", body)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that were made."""
        return [json.loads(line) for line in self._call("GET", "jobs").splitlines() if line]

    def faults(self) -> list[dict[str, Any]]:
        """Return the fault script, and the nonces that each rule was applied to."""
        return list(json.loads(self._call("GET", "faults")))

    def catch_up(self) -> None:
        """Return when it has read what a killed worker had sent."""
        for _ in range(3):
            self._call("GET", "healthz")

    def _call(self, method: str, page: str, body: object = None) -> str:
        return asyncio.run(self._ask(method, page, body))

    async def _ask(self, method: str, page: str, body: object) -> str:
        async with (
            aiohttp.ClientSession(f"{self.endpoint}/_emulator/") as session,
            session.request(method, page, json=body) as answer,
        ):
            answer.raise_for_status()
            return await answer.text()


@contextlib.contextmanager
def running_stand_in() -> Iterator[StandIn]:
    """Run an emulator without a quota on a free port of loopback.

    Raises:
        UnavailableError: it does not start.
    """
    command = [sys.executable, "-P", "-m", "batch.emulator", "--port", "0", "--qps", "0"]
    emulator = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert emulator.stdout
    try:
        line = emulator.stdout.readline()
        if "http://" not in line:
            raise UnavailableError("the emulator does not start; try: vod-batch emulator --port 0")
        yield StandIn("http://" + line.strip().rpartition("http://")[2])
    finally:
        emulator.terminate()
        emulator.wait()
        emulator.stdout.close()
