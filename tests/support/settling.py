"""Reconcile in this process, and what else happens in an account: jobs not asked for by us."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from batch.core.models import JobType
from batch.core.states import State
from batch.engine import doctor, service
from batch.engine.reconciler import ReconcileSummary
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, media
from tests.support.night import KEY, Night
from tests.support.waiting import PATIENCE

AT_ONCE = timedelta(milliseconds=1)
"""A settling time for tests that do not wait for absence to be proven."""

_open = build_opener(ProxyHandler({})).open


def post(emulator: Emulator, page: str, body: object) -> dict[str, Any]:
    """Tell the emulator something on an admin page (``batch.emulator.admin``)."""
    request = Request(f"{emulator.url}/_emulator/{page}", json.dumps(body).encode(), method="POST")
    with _open(request, timeout=PATIENCE) as response:
        return dict(json.loads(response.read()))


def strange_job(
    emulator: Emulator,
    number: int,
    *,
    trigger: str = "manual",
    age: float = 0.0,
    job_type: JobType = DNA,
) -> str:
    """Let the cloud hold a job of a media that our program did not ask for; return its id."""
    body = {"media_ids": [media(number)], "type": job_type.value, "age_seconds": age}
    [job_id] = post(emulator, f"{trigger}_jobs", body)["job_ids"]
    return str(job_id)


@dataclass
class Morning:
    """What comes after a night: doubts are settled, jobs followed, on the same ledger and cloud."""

    night: Night

    def settings(self, **settings: object) -> Settings:
        """Return settings that hurry, with those given over them."""
        quick: dict[str, object] = {
            "home": self.night.home, "endpoint": self.night.emulator.url, "settle": AT_ONCE,
            "qps": 1000.0, "lookup_qps": 1000.0, "poll_qps": 1000.0,
        }  # fmt: skip
        return self.night.ledger.settings.model_copy(update=quick | settings)

    async def reconcile(self, *, once: bool = True, **settings: object) -> ReconcileSummary:
        """Settle doubts and poll, one round unless told otherwise."""
        source = CredentialSource(lambda: KEY)
        return await service.reconcile(self.settings(**settings), once=once, credentials=source)

    async def confirm_replay(self) -> None:
        """Do what ``doctor --confirm-replay`` does."""
        source = CredentialSource(lambda: KEY)
        async for check in doctor.examine(self.settings(), confirm_replay=True, credentials=source):
            assert check.is_well, check

    async def doubt(
        self,
        numbers: Sequence[int],
        *types: JobType,
        fault: str = "accept_then_drop",
        **rule: object,
    ) -> list[int]:
        """Submit these media under a fault that leaves each in doubt; return the submissions."""
        rows = await self.night.ledger.add(numbers, *types)
        for number in numbers:
            self.night.emulator.fault(fault, media_id=media(number), count=1, **rule)
        await self.night.submit()
        for row in rows:
            assert await self.night.ledger.state(row) is State.IN_DOUBT
        return rows

    async def witness(self, number: int = 900, *types: JobType) -> None:
        """Submit a media without any fault: a job that a look-up that works must show."""
        await self.night.ledger.add([number], *types)
        await self.night.submit()

    def submits(self, number: int) -> int:
        """Return how many jobs of a media our requests made."""
        jobs = self.night.emulator.jobs()
        return sum(job["media_id"] == media(number) and bool(job["request_id"]) for job in jobs)
