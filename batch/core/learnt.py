"""What this account's cloud was seen to do where no document says it (``vod-api.md`` 12.4).

Two sources: a probe (``doctor --probe``, one paid job), and our own known jobs, looked up free. A
fact says what was seen, never what is guessed; what was not seen is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from batch.core.models import JobType

ENOUGH_JOBS = 20
"""Known jobs that must have been looked up before absence counts without a probe."""


@dataclass(frozen=True, slots=True)
class TypeLearnt:
    """What known jobs of one type have shown.

    ``list_words`` and ``detail_words`` are the type's names in ListAIJob and GetJobDetail,
    ``triggers`` the words of ``Trigger``. ``jobs`` are known jobs that a look-up has listed, with
    type and Trigger, before the settling time had passed: ``ENOUGH_JOBS`` of them at the most.
    ``delay_seconds`` is the greatest age at which a known job was not listed yet, ``None`` where
    each was there at once.
    """

    list_words: frozenset[str] = frozenset()
    detail_words: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    delay_seconds: float | None = None

    def __or__(self, other: "TypeLearnt") -> "TypeLearnt":
        """Return what both have seen; seeing the same again changes nothing."""
        delays = [d for d in (self.delay_seconds, other.delay_seconds) if d is not None]
        return TypeLearnt(
            self.list_words | other.list_words,
            self.detail_words | other.detail_words,
            self.triggers | other.triggers,
            frozenset(sorted(self.jobs | other.jobs)[:ENOUGH_JOBS]),
            max(delays, default=None),
        )


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of one target's cloud.

    ``newest_first`` is the order of ListJobInfo, ``None`` where it was not seen. ``probed_at`` is
    when a probe last saw a whole job, for the types in ``probed``.
    """

    types: Mapping[JobType, TypeLearnt] = field(default_factory=lambda: MappingProxyType({}))
    newest_first: bool | None = None
    probed: frozenset[JobType] = frozenset()
    probed_at: datetime | None = None

    def of(self, job_type: JobType) -> TypeLearnt:
        """Return what is known of a type."""
        return self.types.get(job_type, TypeLearnt())

    def proves_absence(self, job_type: JobType) -> bool:
        """Return whether name, Trigger and delay of the type were seen, by a probe or often."""
        return job_type in self.probed or len(self.of(job_type).jobs) >= ENOUGH_JOBS

    def __or__(self, other: "Learnt") -> "Learnt":
        """Return what both have seen; where they differ the right one is the newer."""
        probes = [moment for moment in (self.probed_at, other.probed_at) if moment]
        return Learnt(
            {t: self.of(t) | other.of(t) for t in JobType if t in self.types or t in other.types},
            self.newest_first if other.newest_first is None else other.newest_first,
            self.probed | other.probed,
            max(probes, default=None),
        )
