"""All that one emulator remembers."""

import random
from collections.abc import Iterable
from typing import Any

from batch.emulator.automatic import AutomaticJobs
from batch.emulator.call import Connections
from batch.emulator.clock import Clock
from batch.emulator.faults import FaultScript
from batch.emulator.jobs import JobBook
from batch.emulator.keys import KeyRing
from batch.emulator.library import MediaLibrary
from batch.emulator.meter import Meter
from batch.emulator.nonces import NonceBook
from batch.emulator.quota import Quota
from batch.emulator.refusals import REFUSALS
from batch.emulator.settings import Settings, Switches
from batch.emulator.words import Words


class World:
    """The cloud's memory. ``known_actions`` are those the meter counts by name."""

    def __init__(self, settings: Settings, clock: Clock, known_actions: frozenset[str]) -> None:
        # Not for secrets: ids must be repeatable when a seed is given.
        self._dice = random.Random(settings.seed)  # noqa: S311
        self.settings = settings
        self.clock = clock
        changes = settings.refusals.items()
        self.refusals = REFUSALS | {name: change.of(REFUSALS[name]) for name, change in changes}
        self.words = Words(settings.words)
        self.connections = Connections()
        self.keys = KeyRing(settings)
        self.library = MediaLibrary(settings.media)
        self.nonces = NonceBook()
        self.expired_nonces: set[str] = set()
        self.quota = Quota(settings.quota)
        self.jobs = JobBook(settings, self.library, clock, self._dice)
        self.automatic = AutomaticJobs(settings.jobs.auto_dna, self.library, self.jobs, clock)
        self.faults = FaultScript(settings.faults, self._dice)
        self.meter = Meter(clock, known_actions)

    def new_request_id(self) -> str:
        """Return an upper-case UUID (``vod-api.md`` 9)."""
        text = f"{self._dice.getrandbits(128):032X}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-A{text[17:20]}-{text[20:]}"

    def switches(self) -> dict[str, Any]:
        """Return the switches as they stand, section by section."""
        return self.settings.model_dump(include=set(Switches.model_fields))

    def switch(self, asked: Switches) -> None:
        """Turn the switches that are set; what was done under the old ones stays done."""
        sections = {
            name: getattr(self.settings, name).model_copy(update=changes)
            for name, changes in asked.model_dump(exclude_unset=True).items()
        }
        self.settings = self.settings.model_copy(update=sections)

    def elapse(self, seconds: float, expired_nonces: Iterable[str]) -> None:
        """Let ``seconds`` pass for what is remembered, while the clock stays where it is.

        Requests with one of ``expired_nonces`` were signed before that, and have grown too old.
        """
        self.jobs.grow_older(seconds)
        self.nonces.grow_older(seconds)
        self.expired_nonces.update(expired_nonces)

    def move_clock(self, seconds: float) -> None:
        """Move the cloud's time; the quota's second stays where it is."""
        self.clock.offset += seconds
        if seconds < 0:
            self.jobs.charge_anew()

    def reset(self) -> None:
        """Forget jobs, meter, nonces and who waits for a slow answer: those get none.

        Faults, words, switches, accounts and clock stay.
        """
        self.jobs.clear()
        self.automatic.start()
        self.meter = self.meter.anew()
        self.words.said.clear()
        self.nonces.clear()
        self.expired_nonces.clear()
