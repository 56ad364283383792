"""One API call as it stands in the HTTP request: V3 or old RPC style, query and form merged."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote_plus

from aiohttp import web
from multidict import CIMultiDictProxy

from batch.emulator.connections import Connection

_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Call:
    """A call before any check. Texts are empty where the request gave nothing.

    ``arrived`` is in seconds of the monotonic clock. ``query`` and ``form`` keep the decoded pairs
    in the order sent, because signatures cover them; ``parameters`` merges both (form wins).
    ``held_nonce`` is the entry of the nonce book that this very call made, empty for none.
    """

    style: Literal["v3", "rpc"]
    method: str
    path: str
    host: str
    headers: CIMultiDictProxy[str]
    body: bytes
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    action: str
    version: str
    access_key_id: str
    security_token: str
    nonce: str
    timestamp: str
    wants_xml: bool
    arrived: float
    request_id: str
    connection: Connection
    parameters: dict[str, str] = field(default_factory=dict)
    held_nonce: str = ""

    def get(self, name: str) -> str:
        """Return parameter ``name``, empty when absent."""
        return self.parameters.get(name, "")


async def read_call(request: web.Request, request_id: str, connection: Connection) -> Call:
    """Return the call of ``request``; reading never refuses anything."""
    body = await request.read() if request.body_exists else b""
    path, _, raw_query = request.raw_path.partition("?")
    query = _pairs(raw_query)
    headers = request.headers
    form = []
    if body and headers.get("Content-Type", "").startswith(_FORM):
        form = _pairs(body.decode(errors="replace"))
    call = Call(
        "v3", request.method, path, headers.get("Host", ""), headers, body, query, form,
        action="", version="", access_key_id="", security_token="", nonce="", timestamp="",
        wants_xml=False, arrived=0.0, request_id=request_id, connection=connection,
        parameters=dict(query),
    )  # fmt: skip
    if form:
        call.parameters.update(form)
    if "Authorization" in headers:
        _take_from_headers(call)
    else:
        _take_from_parameters(call)
    return call


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the decoded pairs of a query or form; a name without ``=`` has an empty value.

    Much of the server's time would go into ``urllib.parse.parse_qsl``; most parts need no decoding.
    """
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _take_from_headers(call: Call) -> None:
    """V3 puts everything but the business parameters into headers (``vod-api.md`` 6.1)."""
    headers = call.headers
    call.action = headers.get("x-acs-action", "")
    call.version = headers.get("x-acs-version", "")
    call.security_token = headers.get("x-acs-security-token", "")
    call.nonce = headers.get("x-acs-signature-nonce", "")
    call.timestamp = headers.get("x-acs-date", "")
    call.wants_xml = "xml" in headers.get("Accept", "")


def _take_from_parameters(call: Call) -> None:
    """The old style puts everything into parameters; without Format it speaks XML (6.3)."""
    call.style = "rpc"
    call.action = call.get("Action")
    call.version = call.get("Version")
    call.access_key_id = call.get("AccessKeyId")
    call.security_token = call.get("SecurityToken")
    call.nonce = call.get("SignatureNonce")
    call.timestamp = call.get("Timestamp")
    call.wants_xml = call.get("Format").upper() != "JSON"
