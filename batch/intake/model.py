"""The values that intake hands to the rest of the product."""

from dataclasses import dataclass
from typing import NamedTuple

from batch.core.models import JobType

PRIORITIES = range(-(2**15) + 1, 2**15)
"""What fits the ledger's ``smallint``; higher is sent first."""


class ManifestRow(NamedTuple):
    """One good record of a manifest."""

    line: int
    """1-based physical line on which the record begins; the header counts."""
    media_id: str
    types: str
    """Comma separated, in the order of :class:`JobType`, no duplicates."""
    config: str | None
    """Canonical JSON: sorted keys, compact separators, not escaped to ASCII."""
    user_data: str | None
    """Canonical JSON of the operator's own object."""
    priority: int


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """One record that was not loaded.

    ``raw`` is the whole record without its line end. Line ends inside it read as LF. A record
    over the size limit is cut, and its reason says so.
    """

    line: int
    reason: str
    raw: str


class Chunk(NamedTuple):
    """About 10,000 lines of a manifest, each list in file order."""

    rows: list[ManifestRow]
    quarantined: list[QuarantinedLine]


@dataclass(frozen=True, slots=True)
class BareLines:
    """Consecutive good lines of nothing but a media id.

    Their rows differ from ``first`` in line and media id only.
    """

    first: ManifestRow
    media_ids: list[str]

    def rows(self) -> list[ManifestRow]:
        """Return a row for each line."""
        numbered = enumerate(self.media_ids, self.first.line)
        return [self.first._replace(line=line, media_id=one) for line, one in numbered]


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What holds for every row that does not say otherwise, and how to read the file.

    ``config`` is the JSON text of ``--config``; ``column`` names the column with the media ids;
    ``encoding`` overrides the detection.
    """

    default_types: tuple[JobType, ...]
    offered: frozenset[JobType]
    region: str
    column: str | None = None
    encoding: str | None = None
    config: str | None = None
    priority: int = 0
