"""What goes back, as content and as JSON."""

import json
from dataclasses import dataclass, field
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

OK = "OK"
"""The code the meter books for an answer that is no error."""


@dataclass(slots=True)
class Answer:
    """What goes back: HTTP ``status``, ``code`` for the meter, the content, more headers."""

    status: int
    code: str
    content: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def encode(value: Any) -> str:
    """Return ``value`` as JSON text, as short as it gets."""
    return _ENCODER.encode(value)
