"""The request line of a submit: everything that is asked for goes into it (``vod-api.md`` 1.1).

The API takes its parameters in the query only, so a long ``Config`` makes a long line, and a
gateway answers one that is too long with 414 and a page of HTML (``vod-api.md`` 5.2).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from batch.core.correlation import tag_user_data

LONGEST_LINE = 8000
"""Bytes that every HTTP server should have room for (RFC 9110, 4.1); many have 8192, none is known
to have less. What VOD's gateway takes is not documented."""

_AROUND = len("POST /? HTTP/1.1")
_NONCE = "0" * 32
_WIDEST = 3
"""Bytes that one byte takes at the most, as ``%7B``."""
_OVERHEAD = 600
"""More than all that a line holds beside ``Config`` and ``UserData``, our own id included."""


def submit_parameters(
    media_id: str, types: Iterable[str], config: str | None, user_data: str | None, nonce: str
) -> dict[str, str]:
    """Return the query parameters of ``SubmitAIJob``.

    The request's nonce doubles as the correlation id in UserData.
    """
    parameters = {
        "MediaId": media_id,
        "Types": ",".join(types),
        "UserData": tag_user_data(user_data, nonce),
    }
    if config is not None:
        parameters["Config"] = config
    return parameters


def line_bytes(parameters: Mapping[str, str]) -> int:
    """Return how long the request line is that asks with ``parameters``, in bytes."""
    pairs = [
        f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in parameters.items()
    ]
    return _AROUND + len("&".join(pairs))


def too_long_by(
    media_id: str, types: Iterable[str], config: str | None, user_data: str | None
) -> int:
    """Return how many bytes the line of this request has over :data:`LONGEST_LINE`, or 0."""
    asked = (config or "") + (user_data or "")
    if _WIDEST * len(asked.encode()) + _OVERHEAD <= LONGEST_LINE:
        return 0
    parameters = submit_parameters(media_id, types, config, user_data, _NONCE)
    return max(0, line_bytes(parameters) - LONGEST_LINE)
