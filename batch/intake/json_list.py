"""A list in JSON or JSON lines: media ids, objects with one, or what the cloud itself answers.

SearchMedia, GetVideoList and GetVideoInfos answer one array of objects, each with a ``MediaId`` or
``VideoId``, in it or one level below; a program's own list is mostly an array.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import ijson
from ijson.common import ObjectBuilder

from batch.errors import UsageError
from batch.intake.dialect import Layout
from batch.intake.errors import CellError
from batch.intake.model import Chunk, IntakeOptions, ListFacts, QuarantinedLine
from batch.intake.names import MEANINGS, id_places, is_vague_id_name, meaning, plain
from batch.intake.records import Lines, kept
from batch.intake.rows import RowMaker

_CHUNK_ITEMS = 1_000
_LAYOUT = Layout(header=True, width=5, media_id=0, types=1, config=2, user_data=3, priority=4)
"""Of the cells that an item is made into: its media id, and what :data:`MEANINGS` names."""
_IDS_ALONE = frozenset({"ids", "mediaids", "videoids"})
"""Of an object: the arrays whose texts are media ids."""
_NO_VIDEO = frozenset({"image", "attached"})
"""MediaType of what SearchMedia finds beside videos and audios."""

_begins_json = re.compile(r"\s*(\{\s*(\"|\}|$)|\[\s*([\"{\[\]]|$))").match


class _Broken(NamedTuple):
    """A line that is no JSON."""

    text: str
    reason: str


def begins_json(head: str) -> bool:
    """Return whether a text's first characters are those of JSON, and no id in brackets."""
    return _begins_json(head) is not None


class JsonList:
    """The rows of a JSON text; its ``lines`` are its items."""

    def __init__(
        self, blocks: Iterator[str], options: IntakeOptions, name: str, facts: ListFacts
    ) -> None:
        self._column = options.column
        self._name = name
        self._facts = facts
        self._maker = RowMaker(_LAYOUT, options)
        self._columns: set[str] = set()
        first = next(blocks, "")
        self._is_lines = _is_a_line_each(first)
        self._blocks = chain([first], blocks)
        facts.form = "jsonl" if self._is_lines else "json"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the list in chunks of about 1,000 items, in file order.

        Raise :class:`UsageError` for JSON that ends early or is broken.
        """
        lines: list[int] = []
        chunk = Chunk(lines, [], [], [])
        for line, item in self._of_lines() if self._is_lines else self._of_whole():
            self._facts.lines += 1
            self._add(item, line, chunk, lines)
            if len(lines) + len(chunk.quarantined) >= _CHUNK_ITEMS:
                self._facts.count(chunk)
                yield chunk
                lines = []
                chunk = Chunk(lines, [], [], [])
        self._facts.count(chunk)
        self._facts.lines += self._facts.blank
        self._facts.tidied += self._maker.tidied
        self._facts.columns = tuple(name for name in MEANINGS if name in self._columns)
        yield chunk

    def _of_lines(self) -> Iterator[tuple[int, Any]]:
        """Yield the items of JSON lines, each with its line."""
        line = 0
        for lines in Lines(self._blocks):
            for text in lines:
                line += 1
                if not text.strip():
                    self._facts.blank += 1
                    continue
                try:
                    value = json.loads(text)
                except (ValueError, RecursionError) as error:
                    yield line, _Broken(text, f"not JSON: {error}")
                else:
                    for item in _items_of(value, self._column):
                        yield line, item

    def _of_whole(self) -> Iterator[tuple[int, Any]]:
        """Yield the items of one JSON text, numbered from 1."""
        number = 0
        try:
            for number, item in enumerate(_walk(_events(self._blocks), self._column), start=1):
                yield number, item
        except ijson.JSONError as error:
            raise UsageError(
                f"{self._name} is JSON that is cut short or broken ({error}), after {number:,} "
                "items; nothing was loaded, write it anew"
            ) from None

    def _add(self, item: Any, line: int, chunk: Chunk, lines: list[int]) -> None:
        try:
            media_id, said = self._maker.one("", self._cells(item))
        except CellError as error:
            raw = item.text if isinstance(item, _Broken) else json.dumps(item, ensure_ascii=False)
            chunk.quarantined.append(QuarantinedLine(line, str(error), kept(raw)))
        else:
            lines.append(line)
            chunk.media_ids.append(media_id)
            chunk.said.append(said)

    def _cells(self, item: Any) -> list[str]:
        """Return what an item says, as the cells of a row; raise :class:`CellError`."""
        said = dict.fromkeys(MEANINGS, "")
        if isinstance(item, _Broken):
            raise CellError(item.reason)
        if isinstance(item, str):
            return [item, *said.values()]
        if not isinstance(item, Mapping):
            raise CellError("neither a media id nor an object with one")
        if str(item.get("MediaType")).lower() in _NO_VIDEO:
            raise CellError(f"no video: its MediaType is {item['MediaType']}")
        media_id = _media_id(item, self._column)
        for name, value in item.items():
            if (key := meaning(name)) and value is not None:
                self._columns.add(key)
                said[key] = _as_cell(value)
        return [media_id, *said.values()]


def _is_a_line_each(head: str) -> bool:
    """Return whether a text's first line is JSON by itself, and others follow it."""
    first, _, rest = head.lstrip().partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return bool(rest.strip())


def _events(blocks: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield what a JSON text is made of, as it is read. Raise ijson's errors."""
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    for block in filter(None, blocks):
        parser.send(block.encode(errors="replace"))
        yield from events
        del events[:]
    parser.close()
    yield from events


def _walk(events: Iterator[tuple[str, Any]], column: str | None) -> Iterator[Any]:
    """Yield the items: what stands in an array, and an object outside of one that names a media.

    Of the arrays of texts only those count that are the whole list, or are called ids.
    """
    key = ""
    objects: list[dict[str, Any]] = []
    arrays: list[str] = []
    for event, value in events:
        if event == "map_key":
            key = value
        elif event == "start_array":
            arrays.append(key)
        elif event == "end_array":
            arrays.pop()
        elif event == "start_map" and arrays:
            yield _built(events)
        elif event == "start_map":
            objects.append({})
        elif event == "end_map":
            yield from filter(partial(_names_media, column=column), [objects.pop()])
        elif not arrays and objects:
            objects[-1][key] = value
        elif not objects or plain(key) in _IDS_ALONE:
            yield value


def _built(events: Iterator[tuple[str, Any]]) -> Any:
    """Return the object whose start was just taken from ``events``."""
    builder, depth = ObjectBuilder(), 1
    builder.event("start_map", None)
    while depth:
        event, value = next(events)
        builder.event(event, value)
        depth += event.startswith("start_") - event.startswith("end_")
    return builder.value


def _items_of(value: Any, column: str | None) -> Iterator[Any]:
    """Yield the items of one line."""
    if isinstance(value, Mapping) and not _names_media(value, column):
        found = list(_walk(_events([json.dumps(value)]), column))
        yield from found or [value]
    else:
        yield value


def _names_media(item: Mapping[str, Any], column: str | None) -> bool:
    return bool(_named(item, column))


def _named(item: Mapping[str, Any], column: str | None) -> list[str]:
    """Return the names in an object that mean its media id."""
    names = list(item)
    if column is not None:
        return [name for name in names if plain(name) == plain(column)]
    return [names[place] for place in id_places(names)]


def _media_id(item: Mapping[str, Any], column: str | None) -> str:
    """Return the one media id that an object names, itself or one level below.

    Raise :class:`CellError` where it names none, or more than one.
    """
    named = _named(item, column)
    if not named or all(map(is_vague_id_name, named)):
        for value in item.values():
            if isinstance(value, Mapping) and (below := _named(value, column)):
                item, named = value, below
                break
    found = {value for name in named if isinstance(value := item[name], str) and value.strip()}
    if len(found) != 1:
        raise CellError(f"{len(found) or 'no'} media ids in one object")
    return found.pop()


def _as_cell(value: Any) -> str:
    """Return a value as a cell holds it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)
