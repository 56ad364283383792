"""A manifest's rows as the text that COPY reads, one row a line and type.

Making whole blocks of bytes costs a fraction of handing each value to the driver's encoders.
"""

from collections.abc import Iterable, Sequence
from itertools import count

from batch.core.configuration import config_key
from batch.core.models import JobType

COLUMNS = ("line", "media_id", "job_type", "config_key", "config", "user_data", "priority")

Row = tuple[int, str, str, str | None, str | None, int]
"""Line, media id, types (comma separated), config, user data, priority."""

_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_rows(rows: Iterable[Row]) -> bytes:
    """Return the COPY text of ``rows``."""
    endings: dict[tuple[object, ...], list[str]] = {}
    lines: list[str] = []
    for row in rows:
        line, media_id, *_ = row
        rest = row[2:]
        if rest not in endings:
            endings[rest] = _endings(row)
        lines += [f"{line}\t{media_id}{ending}" for ending in endings[rest]]
    return "".join(lines).encode()


def copy_bare(first: Row, media_ids: Sequence[str]) -> bytes:
    """Return the COPY text of rows that differ from ``first`` in line and media id only.

    Their lines count on from that of ``first``.
    """
    numbered = zip(count(first[0]), media_ids)
    match _endings(first):
        case [ending]:
            lines = [f"{line}\t{media_id}{ending}" for line, media_id in numbered]
        case endings:
            lines = [f"{line}\t{one}{ending}" for line, one in numbered for ending in endings]
    return "".join(lines).encode()


def _endings(row: Row) -> list[str]:
    """Return what follows the media id: one text for each type."""
    _, _, types, config, user_data, priority = row
    rest = f"\t{_cell(config)}\t{_cell(user_data)}\t{priority}\n"
    keys = {name: config_key(config, JobType(name)) for name in types.split(",")}
    return [f"\t{name}\t{key}{rest}" for name, key in keys.items()]


def _cell(text: str | None) -> str:
    return _NULL if text is None else text.translate(_ESCAPES)
