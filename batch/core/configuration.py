"""What is the same configuration: a type's own part of ``Config``, however it is written."""

import hashlib
import json
from functools import lru_cache

from batch.core.models import JobType

PARTS = {
    "AIMediaDNA": JobType.MEDIA_DNA,
    "AIVideoTag": JobType.VIDEO_TAG,
    "AIVideoTagConfig": JobType.VIDEO_TAG,
}
"""Top-level keys of one type only (``vod-api.md`` 1.3); ``AIVideoTagConfig`` is of 2021.
Whether the two of smart tags mean the same is not documented, so they are never taken for it."""

_ANALYSE_TYPES = "AnalyseTypes"


def _number(text: str) -> int | float:
    """Read ``1.0`` as ``1``, at any depth."""
    value = float(text)
    return int(value) if value.is_integer() else value


_decode = json.JSONDecoder(parse_float=_number).decode
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@lru_cache(maxsize=1024)  # a list repeats a few configurations
def config_key(config: str | None, job_type: JobType) -> str:
    """Return a key that is the same for equal configurations of ``job_type``, and for no others.

    ``config`` is the text of a JSON object. The key is empty where nothing in it is meant for the
    type, else the first 32 hex digits of SHA-256 of the normalised part: a key of another type is
    left out, an unknown one counts for every type, numbers count by their value, ``AnalyseTypes``
    as a set. Case counts: whether the cloud ignores it is not documented.
    """
    if config is None:
        return ""
    own = {
        name: _as_set(value) if name in PARTS else value
        for name, value in _decode(config).items()
        if PARTS.get(name, job_type) is job_type and not (name in PARTS and _is_nothing(value))
    }
    return hashlib.sha256(_encode(own).encode()).hexdigest()[:32] if own else ""


def _as_set(part: object) -> object:
    if isinstance(part, dict) and isinstance(names := part.get(_ANALYSE_TYPES), str):
        wanted = {name.strip() for name in names.split(",")} - {""}
        return part | {_ANALYSE_TYPES: ",".join(sorted(wanted))}
    return part


def _is_nothing(part: object) -> bool:
    return part is None or part == {}
