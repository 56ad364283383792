"""From records to rows: what each cell says, for one record or for many at once."""

from operator import itemgetter

from batch.intake.cells import (
    check_length,
    join_types,
    parse_campaign,
    parse_config,
    parse_priority,
    parse_types,
    parse_user_data,
)
from batch.intake.dialect import Layout
from batch.intake.errors import CellError
from batch.intake.media_ids import are_media_ids, parse_media_id
from batch.intake.model import IntakeOptions, Said

_MOST_REMEMBERED = 4096


class SaidByCells(dict[tuple[str, ...], Said]):
    """Cells of types, config, user data, priority and campaign, as written -> what they say.

    Looking up cells with a bad one among them raises :class:`CellError`.
    """

    def __init__(self, options: IntakeOptions) -> None:
        super().__init__()
        self._options = options
        self._types = join_types(options.default_types)
        self._config = None if options.config is None else parse_config(options.config, "--config")

    def __missing__(self, cells: tuple[str, ...]) -> Said:
        """Parse cells not seen before; a blank one gives the default."""
        types, config, user_data, priority, campaign = (c if c.strip() else "" for c in cells)
        options = self._options
        said_types = parse_types(types, options.offered, options.region) if types else self._types
        said_config = parse_config(config) if config else self._config
        said_user_data = parse_user_data(user_data) if user_data else None
        check_length(said_config, said_user_data)
        said_priority = parse_priority(priority) if priority else options.priority
        said_campaign = parse_campaign(campaign) if campaign else None
        said = Said(said_types, said_config, said_user_data, said_priority, said_campaign)
        # User data are each row's own, and a few thousand long texts would fill the memory.
        if not user_data and len(config) < _MOST_REMEMBERED and len(self) < _MOST_REMEMBERED:
            self[cells] = said
        return said


class RowMaker:
    """Turns the records of one manifest into media ids, and what is said of each."""

    def __init__(self, layout: Layout, options: IntakeOptions) -> None:
        self._layout = layout
        beside = (layout.config, layout.user_data, layout.priority, layout.campaign)
        self._optional = (layout.types, *([None] * len(beside) if options.only_ids else beside))
        self._said = SaidByCells(options)
        self.tidied = 0
        """Ids that something stood around."""
        self.short = 0
        """Rows with fewer fields than there are columns."""

    def bare(self, lines: list[str]) -> list[Said] | None:
        """Return what is said of the media if each of ``lines`` is nothing but a media id.

        Such a list is read several times as fast so as by the csv module.
        """
        if self._layout.media_id or not are_media_ids(lines):
            return None
        self.short += len(lines) if self._layout.width > 1 else 0
        return [self._said["", "", "", "", ""]] * len(lines)

    def many(
        self, lines: list[str], records: list[list[str]]
    ) -> tuple[list[str], list[Said]] | None:
        """Return the columns that :meth:`one` gives for ``lines``; ``None`` if it should look."""
        widths = list(map(len, records))
        narrowest, widest = min(widths), max(widths)
        if narrowest <= self._layout.media_id:
            return None
        if widest > self._layout.width and any(map(self._surplus, records)):
            return None
        media_ids = list(map(itemgetter(self._layout.media_id), records))
        if not are_media_ids(media_ids) or any("\0" in line for line in lines):
            return None
        columns = []
        for place in self._optional:
            if place is None or place >= widest:
                columns.append([""] * len(records))
            elif place < narrowest:
                columns.append(list(map(itemgetter(place), records)))
            else:
                return None
        try:
            said = list(map(self._said.__getitem__, zip(*columns, strict=True)))
        except CellError:
            return None
        if narrowest < self._layout.width:
            self.short += sum(width < self._layout.width for width in widths)
        return media_ids, said

    def one(self, raw: str, fields: list[str] | str) -> tuple[str, Said]:
        """Return media id and what is said of it; raise :class:`CellError` with the first fault."""
        if isinstance(fields, str):
            raise CellError(fields)
        if "\0" in raw:
            raise CellError("the line holds a NUL character")
        if self._surplus(fields):
            raise CellError(self._too_many(fields))
        cell = _cell(fields, self._layout.media_id)
        media_id = parse_media_id(cell)
        said = self._said[tuple(_cell(fields, place) for place in self._optional)]
        self.tidied += media_id != cell.strip()
        self.short += len(fields) < self._layout.width
        return media_id, said

    def stands_alone(self, fields: list[str], within: list[str]) -> bool:
        """Return whether a line inside of a record is a full record of another media.

        Then a quote was opened in the record's first line that was not meant to be.
        """
        if len(fields) < min(self._layout.width, len(within)) or self._surplus(fields):
            return False
        media_id = _media_id(fields, self._layout)
        return media_id is not None and media_id != _media_id(within, self._layout)

    def _surplus(self, fields: list[str]) -> bool:
        """Return whether fields that no column is named for say anything."""
        return any(map(str.strip, fields[self._layout.width :]))

    def _too_many(self, fields: list[str]) -> str:
        named = (
            f"the header names {self._layout.width}"
            if self._layout.header
            else "a file without a header has the media id alone on a line"
        )
        return f"too many fields: {len(fields)} ({named})"


def _media_id(fields: list[str], layout: Layout) -> str | None:
    try:
        return parse_media_id(_cell(fields, layout.media_id))
    except CellError:
        return None


def _cell(fields: list[str], place: int | None) -> str:
    return fields[place] if place is not None and place < len(fields) else ""
