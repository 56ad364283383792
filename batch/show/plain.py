"""Values as JSON."""

import json
from dataclasses import asdict
from typing import Any


def as_json(value: Any) -> str:
    """Return a dataclass, or a mapping, as one JSON object."""
    facts = value if isinstance(value, dict) else asdict(value)
    return json.dumps(facts, default=str, ensure_ascii=False)
