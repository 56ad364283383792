"""What is begun next: as much as the gate lets, from the front of the line or as probes."""

from collections.abc import Sequence

from batch.core.models import Claim
from batch.submit.claiming import Claims
from batch.submit.ending import Ending
from batch.submit.gate import Gate
from batch.submit.suspicion import SPREAD_PROBES, Suspicion
from batch.waiting import unless


class Begins:
    """Commits intents; a failure ends the run, and nothing is begun."""

    def __init__(self, claims: Claims, gate: Gate, suspicion: Suspicion, ending: Ending) -> None:
        self._claims = claims
        self._gate = gate
        self._suspicion = suspicion
        self._ending = ending
        self._probe_from: list[int] = []

    async def make_way(self, wanted: int) -> int:
        """Ask the gate how many of ``wanted`` may be begun."""
        if not wanted:
            return 0
        with self._ending.failures():
            return await unless(self._ending.stopping, self._gate.make_way(wanted)) or 0
        return 0

    async def begin(self, most_requests: int, most_rows: int) -> list[Claim]:
        """Commit the intent of at most so many requests and rows."""
        with self._ending.failures():
            if self._suspicion.is_probing:
                return await self._begin_probe(most_rows)
            return await self._claims.begin(most_requests, most_rows)
        return []

    async def _begin_probe(self, most_rows: int) -> list[Claim]:
        """Commit the intent of one request from somewhere else in the lists than the last."""
        if not self._probe_from and (span := await self._claims.store.due_span()):
            first, last = span
            step = (last - first + 1) / SPREAD_PROBES
            self._probe_from = [first + int((n + 0.5) * step) for n in range(SPREAD_PROBES)]
        places: list[int | None] = [self._probe_from.pop()] if self._probe_from else []
        for place in (*places, None):
            if claims := await self._claims.begin(1, most_rows, place):
                self._suspicion.begun(claims)
                return claims
        return []

    async def keep_back(self, claims: Sequence[Claim]) -> dict[str, str]:
        """Ask the gate which claims are not to be sent: by nonce, with the reason."""
        kept = None
        with self._ending.failures():
            kept = await unless(self._ending.stopping, self._gate.keep_back(claims))
        return kept or {}  # a run that stops sends none of them anyway
