"""What the API says: refusals by name, answers, and their JSON and XML forms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

OK = "OK"
"""The code the meter books for an answer that is no error."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer. ``status`` is the HTTP status; ``{name}`` is filled in when refusing."""

    code: str
    status: int
    message: str


REFUSALS: dict[str, Refusal] = {
    # Codes and statuses from vod-api.md 5.2. Where tables disagree or nothing is documented the
    # entry is a guess; every entry can be replaced by a settings table [refusals.<name>].
    "unsupported_method": Refusal(
        "UnsupportedHTTPMethod", 400, "This HTTP method is not supported."
    ),
    "unknown_api": Refusal(
        "InvalidApi.NotFound", 404, "Specified api is not found, please check your url and method."
    ),
    "missing": Refusal("Missing{name}", 400, "{name} is mandatory for this action."),
    "invalid_signature_method": Refusal(
        "InvalidSignatureMethod", 400, "Specified signature method is not valid."
    ),
    "unknown_access_key": Refusal(
        "InvalidAccessKeyId.NotFound", 404, "Specified access key is not found."
    ),
    "inactive_access_key": Refusal(
        "InvalidAccessKeyId.Inactive", 400, "Specified access key is disabled."
    ),
    "wrong_security_token": Refusal(
        "InvalidSecurityToken.Expired", 400, "Specified SecurityToken is expired."
    ),
    "wrong_signature": Refusal(
        "SignatureDoesNotMatch",
        400,
        "Specified signature is not matched with our calculation. {name}",
    ),
    "malformed_timestamp": Refusal(
        "InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted."
    ),
    "expired_timestamp": Refusal(
        "InvalidTimeStamp.Expired", 400, "Specified time stamp or date value is expired."
    ),
    "used_nonce": Refusal("SignatureNonceUsed", 400, "Specified signature nonce was used already."),
    "forbidden_action": Refusal(
        "Forbidden.RAM", 403, "User not authorized to operate on the specified resource."
    ),
    "forbidden_region": Refusal(
        "Forbidden", 403, "User not authorized to operate on the specified resource."
    ),
    "account_not_open": Refusal(
        "OperationDenied", 403, "Your account does not open VOD service yet."
    ),
    "account_in_arrears": Refusal(
        "OperationDenied.Suspended", 403, "Your VOD service has been suspended."
    ),
    "throttled": Refusal("Throttling.User", 400, "Request was denied due to user flow control."),
    "missing_media_id": Refusal("MissingMediaId", 400, "MediaId is mandatory for this action."),
    "missing_types": Refusal("MissingTypes", 400, "Types is mandatory for this action."),
    "missing_job_ids": Refusal("MissingJobIds", 400, "JobIds is mandatory for this action."),
    "missing_job_id": Refusal("MissingJobId", 400, "JobId is mandatory for this action."),
    "missing_job_type": Refusal("MissingJobType", 400, "JobType is mandatory for this action."),
    "missing_video_ids": Refusal("MissingVideoIds", 400, "VideoIds is mandatory for this action."),
    "unknown_media": Refusal("InvalidVideo.NotFound", 404, "The video does not exist."),
    "illegal_status": Refusal(
        "Forbidden.IllegalStatus", 400, "Status of the video is illegal: {name}."
    ),
    "unknown_job": Refusal("NoSuchResource", 404, "The specified resource {name} does not exist."),
    "no_result": Refusal("NoSuchResource", 404, "The video has no result of this kind."),
    "unknown_job_type": Refusal(
        "InvalidParameter", 400, "The parameter JobType is invalid: {name}."
    ),
    "unknown_type": Refusal("InvalidParameter", 400, "The parameter Types is invalid: {name}."),
    "type_not_offered": Refusal(
        "InvalidParameter", 400, "The AI type {name} is not available in this region."
    ),
    "type_not_active": Refusal(
        "OperationDenied", 403, "Your account has not activated the AI service {name}."
    ),
    "invalid_config": Refusal("InvalidParameter", 400, "The parameter Config is invalid: {name}."),
    "invalid_user_data": Refusal(
        "InvalidParameter", 400, "The parameter UserData is invalid: {name}."
    ),
    "too_many_job_ids": Refusal(
        "InvalidParameter", 400, "The parameter JobIds holds more than {name} ids."
    ),
    "too_many_video_ids": Refusal(
        "InvalidParameter", 400, "The parameter VideoIds holds more than {name} ids."
    ),
    "duplicate_job": Refusal(
        "InvalidParameter", 400, "A job of this media and type is still running: {name}."
    ),
    "internal_error": Refusal(
        "InternalError", 500, "The request processing has failed due to some unknown error."
    ),
    "service_unavailable": Refusal(
        "ServiceUnavailable",
        503,
        "The request has failed due to a temporary failure of the server.",
    ),
}
"""Every refusal the emulator can give by itself, by the name of the situation."""


class Refused(Exception):  # noqa: N818  (a refusal is an answer, not a mistake of the program)
    """The call is refused: ``situation`` names an entry of :data:`REFUSALS`."""

    def __init__(
        self, situation: str, name: str = "", access_denied: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(situation, name)
        self.situation = situation
        self.name = name
        self.access_denied = access_denied


@dataclass(slots=True)
class Answer:
    """What goes back: HTTP ``status``, ``code`` for the meter, the content, more headers."""

    status: int
    code: str
    content: dict[str, Any]
    root: str
    headers: dict[str, str] = field(default_factory=dict)


def success(action: str, request_id: str, content: dict[str, Any]) -> Answer:
    """Return a 200 answer; its XML root is ``<Action>Response`` (``vod-api.md`` 1.2)."""
    return Answer(200, OK, {"RequestId": request_id, **content}, f"{action}Response")


def error(
    refusal: Refusal,
    request_id: str,
    host: str,
    name: str = "",
    access_denied: Mapping[str, str] | None = None,
) -> Answer:
    """Return an error answer with the fields of ``vod-api.md`` 5.1."""
    code = refusal.code.replace("{name}", name)
    content: dict[str, Any] = {
        "RequestId": request_id,
        "HostId": host,
        "Code": code,
        "Message": refusal.message.replace("{name}", name).strip(),
        "Recommend": "https://api.aliyun.com/troubleshoot"
        f"?q={code}&product=vod&requestId={request_id}",
    }
    if access_denied is not None:
        content["AccessDeniedDetail"] = dict(access_denied)
    return Answer(refusal.status, code, content, "Error")


def encode(value: Any) -> str:
    """Return ``value`` as JSON text, as short as it gets."""
    return _ENCODER.encode(value)


def to_json(answer: Answer) -> bytes:
    """Return the JSON form in UTF-8."""
    return encode(answer.content).encode(errors="replace")


def to_xml(answer: Answer) -> bytes:
    """Return the XML form in UTF-8: one element a key, a list repeats the element of its key."""
    inner = "".join(_elements(key, value) for key, value in answer.content.items())
    text = f'<?xml version="1.0" encoding="UTF-8"?><{answer.root}>{inner}</{answer.root}>'
    return text.encode(errors="replace")


def _elements(tag: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_elements(tag, item) for item in value)
    if isinstance(value, Mapping):
        inner = "".join(_elements(str(key), item) for key, item in value.items())
    else:
        inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"
