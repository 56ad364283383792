"""The values that intake hands to the rest of the product."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from batch.core.models import JobType
from batch.intake.errors import echo

PRIORITIES = range(-(2**15) + 1, 2**15)
"""What fits the ledger's ``smallint``; higher is sent first."""

_MOSTLY, _FEW = 0.9, 10
"""Share of a list's ids that says what is usual in it, and a list too short to say."""


class Said(NamedTuple):
    """What a row says of its media beside the id."""

    types: str
    """Comma separated, in the order of :class:`JobType`, no duplicates."""
    config: str | None
    """Canonical JSON: sorted keys, compact separators, not escaped to ASCII."""
    user_data: str | None
    """Canonical JSON of the operator's own object."""
    priority: int
    campaign: str | None = None
    """Of a row of our own export; ``None``: the load's."""


class ManifestRow(NamedTuple):
    """One good record of a manifest."""

    line: int
    """1-based physical line on which the record begins; the header counts."""
    media_id: str
    types: str
    config: str | None
    user_data: str | None
    priority: int
    campaign: str | None


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

    def giving_up(self, place: int, reason: str, raw: str) -> "Chunk":
        """Return the chunk with the good line at ``place`` put into quarantine."""
        bad = [*self.quarantined, QuarantinedLine(self.lines[place], reason, raw)]
        return Chunk(
            [*self.lines[:place], *self.lines[place + 1 :]],
            self.media_ids[:place] + self.media_ids[place + 1 :],
            self.said[:place] + self.said[place + 1 :],
            sorted(bad, key=lambda each: each.line),
        )


@dataclass(slots=True)
class ListFacts:
    """What reading a list to its end has shown.

    Each line is one of ``header_lines``, ``rows``, ``blank`` (nothing but white space and
    delimiters), ``quarantined`` or ``continued`` (it goes on with a record begun above).
    """

    encoding: str = ""
    form: str = "csv"
    """``csv``, ``json`` or ``jsonl``; a JSON list's lines are its items."""
    delimiter: str = ""
    header: str = ""
    """The first line, where it names columns; empty where it is a media id."""
    columns: tuple[str, ...] = ()
    """The optional columns in use."""
    ignored: tuple[str, ...] = ()
    """The columns that say nothing to us."""
    header_lines: int = 0
    lines: int = 0
    rows: int = 0
    blank: int = 0
    quarantined: int = 0
    continued: int = 0
    tidied: int = 0
    """Ids that were found within quotes, brackets and the like."""
    first_bad: QuarantinedLine | None = None
    _lengths: Counter[int] = field(default_factory=Counter)
    """How many ids have how many signs."""
    _examples: dict[int, tuple[int, str]] = field(default_factory=dict)
    """By length: the first such id, and its line."""

    @property
    def records(self) -> int:
        """Rows and quarantined lines so far."""
        return self.rows + self.quarantined

    def count(self, chunk: Chunk) -> None:
        """Add a chunk to the figures."""
        self.rows += len(chunk.media_ids)
        self.quarantined += len(chunk.quarantined)
        self.first_bad = self.first_bad or next(iter(chunk.quarantined), None)
        lengths = Counter(map(len, chunk.media_ids))
        if not lengths.keys() <= self._examples.keys():
            for line, media_id in zip(chunk.lines, chunk.media_ids, strict=True):
                self._examples.setdefault(len(media_id), (line, media_id))
        self._lengths += lengths

    def usual_length(self, others: Sequence[str]) -> int:
        """Return how many signs every id so far has, ``others`` too; 0 where they differ."""
        lengths = self._lengths.keys() | set(map(len, others))
        return lengths.pop() if len(lengths) == 1 else 0

    @property
    def unlike(self) -> str | None:
        """What is said of ids that are longer or shorter than nine in ten of the list's."""
        [(usual, many)] = self._lengths.most_common(1) or [(0, 0)]
        if many == self.rows or many < _MOSTLY * self.rows or self.rows < _FEW:
            return None
        line, media_id = min(told for length, told in self._examples.items() if length != usual)
        return (
            f"{self.rows - many:,} of {self.rows:,} ids are unlike the rest, which have {usual} "
            f"signs; the first is {echo(media_id)} in line {line}: look before you submit"
        )


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What holds for every row that does not say otherwise, and how to read the file.

    ``config`` is the JSON text of ``--config``; ``column`` names the column with the media ids;
    ``encoding`` overrides the detection; with ``only_ids`` columns beside id and types say nothing;
    above ``max_bad`` percent of bad lines a list is refused.
    """

    default_types: tuple[JobType, ...]
    offered: frozenset[JobType]
    region: str
    column: str | None = None
    encoding: str | None = None
    config: str | None = None
    priority: int = 0
    max_bad: float = 50
    only_ids: bool = False
