"""Whatever words the cloud says, the promise holds: words drawn at random over a whole night.

The words are those of Alibaba's sister products, and nonsense (:mod:`batch.selftest.vocabulary`).
The worker, the reconciler and the preflight run as they are, against the emulator as it is.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.core.states import TERMINAL
from batch.look.preflight import preflight
from batch.selftest import server
from batch.selftest.plan import draw_faults
from batch.selftest.vocabulary import MEDIA_STATUSES, Words, draw_words
from batch.session import open_session
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.cloud import Emulator
from tests.support.ledger import DNA, TAG, Ledger, open_ledger
from tests.support.night import KEY, Night
from tests.support.settling import reconciled

MEDIA = 4
QUOTA = 100
HOUR = 3660.0


@dataclass(frozen=True)
class World:
    """What the cloud says and does in one example."""

    words: Words
    faults: tuple[dict[str, object], ...]
    plays_cloud: bool
    visible_after: int


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world; a smaller one says fewer other words."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    words = draw_words(dice)
    if status := draw(st.none() | st.sampled_from(MEDIA_STATUSES)):
        words["GetVideoInfos"] = {"Status": {"Normal": status}}
    faults = draw_faults(dice, draw(st.integers(0, 4)), quick=True)
    return World(words, faults, draw(st.booleans()), draw(st.sampled_from([0, 600])))


class Play:
    """One example: a list of media through preflight, submit and reconcile, two nights long."""

    def __init__(self, ledger: Ledger, emulator: Emulator, home: Path, world: World) -> None:
        self.ledger = ledger
        self.emulator = emulator
        self.world = world
        self.night = Night(ledger, emulator, home)
        self.ended: dict[int, tuple[str, str | None]] = {}
        self.source = CredentialSource(lambda: KEY)

    @property
    def settings(self) -> Settings:
        """The settings of this world; the settling time is the usual hour."""
        of_this_world: dict[str, object] = {
            "home": self.night.home,
            "endpoint": self.emulator.url,
            "service": "cloud" if self.world.plays_cloud else None,
            "lookup_qps": 1000.0,
            "poll_qps": 1000.0,
            "preflight_qps": 1000.0,
        }
        return self.ledger.settings.model_copy(update=of_this_world)

    async def run(self) -> None:
        """Go through two nights; after each step the invariants hold."""
        self.emulator.misbehave(self.world.faults, self.world.words)
        self.emulator.switch(lookup={"visible_after_seconds": self.world.visible_after})
        for night in range(2):
            await self.ledger.add(range(night * MEDIA, (night + 1) * MEDIA), DNA, TAG)
            async with open_session(self.settings, self.source) as session:
                await preflight(session, datetime.now(UTC))
            await self._holds()
            for _ in range(2):
                await self.night.submit(qps=QUOTA, service=self.settings.service)
                await self._holds()
                await reconciled(self.settings, self.source)
                await self._holds()
            await asyncio.to_thread(self._pass_an_hour)
        await self._every_unseen_word_is_kept()

    def _pass_an_hour(self) -> None:
        self.emulator.elapse(HOUR, server.grow_older(self.ledger.url, HOUR))

    async def _holds(self) -> None:
        """I1, I2, I3, I4, and the history (I6)."""
        jobs = self.emulator.jobs()
        made = Counter((job["media_id"], job["type"]) for job in jobs)
        assert max(made.values(), default=0) <= 1, made
        await self.ledger.check(jobs)
        rows = {row["id"]: row for row in await self.ledger.rows()}
        for submission, stood in self.ended.items():
            assert (rows[submission]["state"], rows[submission]["job_id"]) == stood
        self.ended |= {
            n: (row["state"], row["job_id"]) for n, row in rows.items() if row["state"] in TERMINAL
        }
        assert self.emulator.meter()["busiest_second"] <= QUOTA

    async def _every_unseen_word_is_kept(self) -> None:
        """What was said and is in no document stands in the ledger, on one line."""
        kept = Counter(
            (row["action"], row["word"])
            for row in await self.ledger.sql.fetch("SELECT action, word FROM unseen_words")
        )
        for said in self.emulator.meter()["words_said"]:
            where, _, word = said.partition("=")
            action, _, field = where.partition(".")
            if field in READ.get(action, ()) and word.strip().casefold() not in KNOWN:
                lines = sum(kept[action, told] for told in ([word] if word else NOTHING))
                assert lines == 1, (said, kept)


READ = {
    "GetVideoInfos": ("Status",),
    "ListAIJob": ("Status",),
}
"""Fields whose words decide something, by operation."""

KNOWN = {"success", "normal", "reserved", "analysing", "uploadsucces"}
"""Documented but for their case, for another operation, or as the vendor misspells them: they may
be read, and need not be told."""


NOTHING = ("(none)", "(empty)")
"""How a field that says nothing may be told."""


@pytest.mark.long
def test_no_word_of_the_cloud_breaks_the_promise(
    database_url: str, emulator: Emulator, tmp_path: Path
) -> None:
    """Unknown words are kept and told; none proves that no job exists, none ends one."""
    number = iter(range(10**6))

    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(world=worlds())
    def check(world: World) -> None:
        home = tmp_path / str(next(number))
        asyncio.run(_play(database_url, emulator, home, world))

    check()


async def _play(url: str, emulator: Emulator, home: Path, world: World) -> None:
    await asyncio.to_thread(server.empty, url)
    emulator.make_new()
    async with open_ledger(url) as ledger:
        await Play(ledger, emulator, home, world).run()
