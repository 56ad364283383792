"""What goes back: a success or an error, as content and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batch.emulator.call import Call
from batch.emulator.refusals import Refusal

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


def success(call: Call, content: dict[str, Any]) -> Answer:
    """Return a 200 answer (``vod-api.md`` 1.2)."""
    return Answer(200, OK, {"RequestId": call.request_id, **content})


def error(
    call: Call, refusal: Refusal, name: str = "", access_denied: Mapping[str, Any] | None = None
) -> Answer:
    """Return an error answer with the fields of ``vod-api.md`` 5.1."""
    code = refusal.code.replace("{name}", name)
    content: dict[str, Any] = {
        "RequestId": call.request_id,
        "HostId": call.headers.get("Host", ""),
        "Code": code,
        "Message": refusal.message.replace("{name}", name).strip(),
        "Recommend": "https://api.aliyun.com/troubleshoot"
        f"?q={code}&product=vod&requestId={call.request_id}",
    }
    if access_denied is not None:
        content["AccessDeniedDetail"] = access_denied
    return Answer(refusal.status, code, content)


def encode(value: Any) -> str:
    """Return ``value`` as JSON text, as short as it gets."""
    return _ENCODER.encode(value)
