"""Reconcile in this process, and what else happens in an account: jobs not asked for by us."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from batch import doctor
from batch.core.learnt import Learnt
from batch.core.models import JobType
from batch.core.states import State
from batch.hearing import ours_to_hear
from batch.ledger.first_runs import FirstRuns
from batch.ledger.learnt import Lessons
from batch.reconcile.reconciler import ReconcileSummary
from batch.reconcile.run import reconcile
from batch.session import open_session
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, Ledger, media
from tests.support.night import KEY, Night

AT_ONCE = timedelta(milliseconds=1)
"""A settling time for tests that do not wait for absence to be proven."""

WORLDS = ("stand-in believed", "cloud")
"""Whom the emulator is taken for: itself, or the cloud, where every rule is the cloud's."""

LONG = timedelta(hours=2)


def post(emulator: Emulator, page: str, body: object) -> dict[str, Any]:
    """Tell the emulator something on an admin page (``batch.emulator.admin``)."""
    return dict(json.loads(emulator.call("POST", page, body)))


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


async def taken_for(world: str, night: Night) -> Night:
    """Return the night on a ledger whose settings take the emulator for what ``world`` says.

    Jobs of others are put there for the doubts: no run looks for them first.
    """
    await FirstRuns(night.ledger.database, night.ledger.store.target).accept("test")
    update = {"service": "cloud" if world == "cloud" else None, "skip_existing": "never"}
    settings = night.ledger.settings.model_copy(update=update)
    return replace(night, ledger=replace(night.ledger, settings=settings))


async def learn(ledger: Ledger, *types: JobType) -> None:
    """Keep what a probe of these types would have learnt."""
    lessons = Lessons(ledger.database, ledger.store.target)
    await lessons.add(Learnt(probed=frozenset(types), probed_at=datetime.now(UTC)))


async def reconciled(
    settings: Settings, source: CredentialSource, *, once: bool = True, **how: Any
) -> ReconcileSummary:
    """Reconcile as the command does."""
    with ours_to_hear():
        async with open_session(settings, source, sends=True) as session:
            return await reconcile(session, once=once, **how)


@dataclass
class Morning:
    """What comes after a night: doubts are settled, jobs followed, on the same ledger and cloud."""

    night: Night

    @property
    def is_cloud(self) -> bool:
        """Whether the emulator is taken for the cloud."""
        return self.night.ledger.settings.service == "cloud"

    def settings(self, **settings: object) -> Settings:
        """Return settings that hurry, with those given over them."""
        quick: dict[str, object] = {
            "home": self.night.home, "endpoint": self.night.emulator.url,
            "settle": timedelta(hours=1) if self.is_cloud else AT_ONCE,
            "qps": 1000.0, "lookup_qps": 1000.0, "poll_qps": 1000.0,
        }  # fmt: skip
        return self.night.ledger.settings.model_copy(update=quick | settings)

    async def reconcile(self, *, once: bool = True, **settings: object) -> ReconcileSummary:
        """Settle doubts and poll, one round unless told otherwise."""
        source = CredentialSource(lambda: KEY)
        return await reconciled(self.settings(**settings), source, once=once)

    async def long_after(self) -> None:
        """Let the doubts be hours old; what the cloud must have shown by then, it has.

        At the cloud that is a probe, and a job of each type that is younger than the requests.
        """
        if not self.is_cloud:
            return
        await self.night.ledger.sql.execute(
            "UPDATE attempts t SET signed_at = t.signed_at - $1::interval, "
            "begun_at = t.begun_at - $1::interval FROM submissions s "
            "WHERE s.id = t.submission_id AND s.lease = t.lease AND s.state = 'in_doubt'",
            LONG,
        )
        self.night.emulator.elapse(LONG.total_seconds())
        await learn(self.night.ledger, DNA, TAG)
        known = await self.night.ledger.sql.fetchval(
            "SELECT count(*) FROM submissions WHERE media_id = $1", media(990)
        )
        if not known:
            await self.witness(990, DNA, TAG)

    async def confirm_replay(self) -> None:
        """Do what ``doctor --confirm-replay`` does, and at the cloud ``doctor --probe``."""
        if self.is_cloud:
            await learn(self.night.ledger, DNA, TAG)
        source = CredentialSource(lambda: KEY)
        async for check in doctor.examine(self.settings(), confirm_replay=True, credentials=source):
            assert check.passed, check

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
        rows = await self.night.ledger.add([number], *types, priority=9)
        await self.night.submit(max_submissions=len(rows))

    def submits(self, number: int) -> int:
        """Return how many jobs of a media our requests made."""
        jobs = self.night.emulator.jobs()
        return sum(job["media_id"] == media(number) and bool(job["request_id"]) for job in jobs)
