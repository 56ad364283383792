"""The values that intake hands to the rest of the product."""

from collections.abc import Sequence
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


Said = tuple[str, str | None, str | None, int]
"""What a row says of its media: types, config, user data, priority."""


class Chunk(NamedTuple):
    """About 10,000 lines of a manifest, in file order; its good ones are three columns."""

    lines: Sequence[int]
    media_ids: list[str]
    said: list[Said]
    quarantined: list[QuarantinedLine]

    @property
    def rows(self) -> list[ManifestRow]:
        """The good lines as rows."""
        columns = zip(self.lines, self.media_ids, self.said, strict=True)
        return [ManifestRow(line, media_id, *said) for line, media_id, said in columns]


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
