"""Our correlation id inside the operator's UserData, and back out of an event.

``UserData.Extend`` is the caller's own JSON, at most 512 bytes, passed through in callbacks
(``vod-api.md`` 3). Whether AI events return it is undocumented: it may help, nothing relies on it.
"""

import json
from collections.abc import Mapping

EXTEND = "Extend"
KEY = "vodBatch"
"""The key of ours inside ``Extend``. It is reserved: an operator's own value is replaced."""

EXTEND_LIMIT_BYTES = 512
_ID_LIMIT = 64
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def tag_user_data(user_data: str | None, correlation_id: str) -> str:
    """Return ``user_data`` with ``correlation_id`` in ``Extend`` under :data:`KEY`, compact JSON.

    ``Extend`` may be an object or a JSON text of an object; it keeps its form. The operator's data
    goes out unchanged when it has another shape, or when ``Extend`` with our id would pass 512
    bytes of UTF-8.
    """
    if user_data is None:
        return _dump({EXTEND: {KEY: correlation_id}})
    whole = _object(user_data)
    if whole is None:
        return user_data
    extend = whole.get(EXTEND, {})
    fields = _object(extend)
    if fields is None:
        return user_data
    try:
        fields[KEY] = correlation_id
        tagged = _dump(fields)
        if len(tagged.encode()) > EXTEND_LIMIT_BYTES:
            return user_data
        whole[EXTEND] = tagged if isinstance(extend, str) else fields
        result = _dump(whole)
        result.encode()
    except (ValueError, RecursionError):  # a lone surrogate, or a number that JSON cannot hold
        return user_data
    return result


def correlation_id(user_data_or_extend: object) -> str | None:
    """Return our id from a whole UserData or a bare Extend, parsed or as JSON text.

    None when it is not there or not of a form of ours; never raises.
    """
    fields = _object(user_data_or_extend)
    if fields is None:
        return None
    inner = _object(fields.get(EXTEND))
    found = fields.get(KEY) if inner is None else inner.get(KEY)
    if isinstance(found, str) and found.isascii() and 0 < len(found) <= _ID_LIMIT:
        return found
    return None


def _object(value: object) -> dict[str, object] | None:
    """Return ``value``, an object or the JSON text of one, as a dict; None for all else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return dict(value) if isinstance(value, Mapping) else None
