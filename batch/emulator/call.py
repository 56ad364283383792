"""One API call as it stands in the HTTP request: V3 or old RPC style, query and form merged."""

from asyncio import BaseTransport
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDictProxy

from batch.emulator.refusals import Refused

if TYPE_CHECKING:
    from batch.emulator.settings import AccessKey

_FORM = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]


_V3_NAMES = (
    "x-acs-action", "x-acs-version", "x-acs-signature-nonce", "x-acs-date", "x-acs-security-token",
)  # fmt: skip
_RPC_NAMES = ("Action", "Version", "SignatureNonce", "Timestamp", "SecurityToken")


@dataclass(slots=True)
class Connection:
    """One connection: its number, the first is 0, and the last whole answer sent on it."""

    number: int
    last_answer: web.Response | None = None


class Connections:
    """All open connections, numbered in the order of their first call."""

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[BaseTransport, Connection] = WeakKeyDictionary()
        self._numbers = count()

    def of(self, request: web.Request) -> Connection:
        """Return the connection that a request came on, the same for each request of it."""
        transport = request.transport
        if transport is None:  # the client has left
            return Connection(next(self._numbers))
        known = self._open.get(transport)
        if known is None:
            known = self._open[transport] = Connection(next(self._numbers))
        return known


@dataclass(slots=True)
class Call:
    """A call before any check. Texts are empty where the request gave nothing.

    ``arrived`` is in seconds of the monotonic clock. ``query`` and ``form`` keep the decoded pairs
    in the order sent, because signatures cover them; ``parameters`` merges both (form wins).
    Authentication finds the ``key``, or the refusal to answer with. ``held_nonce`` is the entry of
    the nonce book that this very call made.
    """

    request_id: str
    connection: Connection
    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes
    query: Pairs
    form: Pairs
    parameters: dict[str, str]
    is_v3: bool
    action: str
    version: str
    nonce: str
    timestamp: str
    security_token: str
    access_key_id: str = ""
    key: "AccessKey | None" = None
    refused: Refused | None = None
    arrived: float = 0.0
    held_nonce: str = ""

    @property
    def account(self) -> str:
        """Whose call it is, as its key says."""
        return self.key.account if self.key else ""

    def get(self, name: str) -> str:
        """Return parameter ``name``, empty when absent."""
        return self.parameters.get(name, "")


async def read_call(request: web.Request, request_id: str, connection: Connection) -> Call:
    """Return the call of ``request``; reading never refuses anything."""
    headers = request.headers
    body = await request.read() if request.body_exists else b""
    path, _, raw_query = request.raw_path.partition("?")
    query, form = _pairs(raw_query), []
    if body and headers.get("Content-Type", "").startswith(_FORM):
        form = _pairs(body.decode(errors="replace"))
    parameters = dict(query)
    parameters.update(form)
    # V3 puts everything but the business parameters into headers (vod-api.md 6.1), the old style
    # everything into parameters (6.3).
    is_v3 = "Authorization" in headers
    source, names = (headers, _V3_NAMES) if is_v3 else (parameters, _RPC_NAMES)
    action, version, nonce, timestamp, token = [source.get(name, "") for name in names]
    return Call(
        request_id, connection, request.method, path, headers, body, query, form, parameters,
        is_v3, action, version, nonce, timestamp, token,
    )  # fmt: skip


def _pairs(text: str) -> Pairs:
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
