"""Automatic DNA jobs: the service makes them by itself after an upload (``vod-api.md`` 1.7)."""

import heapq

from batch.emulator.clock import Clock
from batch.emulator.jobs import JobBook
from batch.emulator.library import MediaLibrary, share_of
from batch.emulator.models import MEDIA_DNA
from batch.emulator.settings import AutoDnaSettings


class AutomaticJobs:
    """Makes each picked media's job once, when its time has come and somebody could notice."""

    def __init__(
        self, settings: AutoDnaSettings, library: MediaLibrary, jobs: JobBook, clock: Clock
    ) -> None:
        self.are_on = bool(settings.media or settings.ratio)
        self._settings = settings
        self._named = frozenset(settings.media)
        self._library = library
        self._jobs = jobs
        self._clock = clock
        self._planned: set[str] = set()
        self._due: list[tuple[float, str, str]] = []  # time of Clock.played, media id, account
        self.start()

    def start(self) -> None:
        """Begin anew: the start of the emulator is now."""
        self._planned.clear()
        self._due.clear()
        self._started = self._clock.played()
        for media_id in sorted(self._named.union(self._library.ids or ())):
            self._plan_from_start(media_id)

    def see(self, media_id: str) -> None:
        """Take note that a call names this media: where every id exists, now this one counts."""
        if self._library.has(media_id):
            self._plan_from_start(media_id)

    def submitted(self, media_id: str, account: str) -> None:
        """Take note of a submission."""
        if self.are_on and self._settings.on == "submit":
            self._plan(media_id, account, self._clock.played())
            self.catch_up()

    def catch_up(self) -> None:
        """Make the jobs whose time has come."""
        now = self._clock.played()
        while self._due and self._due[0][0] <= now:
            created, media_id, account = heapq.heappop(self._due)
            self._jobs.make_unasked(media_id, MEDIA_DNA, account, "Auto", now - created)

    def _plan_from_start(self, media_id: str) -> None:
        if self.are_on and self._settings.on == "start":
            self._plan(media_id, self._settings.account, self._started)

    def _plan(self, media_id: str, account: str, occasion: float) -> None:
        ratio = self._settings.ratio
        picked = media_id in self._named or (ratio > 0 and share_of(media_id) <= ratio)
        if picked and media_id not in self._planned:
            self._planned.add(media_id)
            heapq.heappush(self._due, (occasion + self._settings.after_seconds, media_id, account))
