"""Signature version 3 (``ACS3-HMAC-SHA256``) by Alibaba's own ``alibabacloud_openapi_util``.

Pure but for the version in the user agent: the same arguments make the same request, so a request
can be rebuilt from its recorded nonce and date and sent again, byte for byte (``vod-api.md`` 12.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module, metadata
from typing import Any

from batch.vod.credentials import Credentials
from batch.vod.wire import SignedRequest, format_time

ALGORITHM = "ACS3-HMAC-SHA256"
API_VERSION = "2017-03-21"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of the empty body, in hex."""


@dataclass(frozen=True, slots=True)
class _Signable:
    """The four attributes that the library reads of a request."""

    method: str
    pathname: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@cache
def _library() -> Any:
    """Import the library once; it takes a fifth of a second, so never at our own import."""
    return import_module("alibabacloud_openapi_util.client")


def warm() -> None:
    """Load the library now, so that the first :func:`sign` does not hold up the event loop."""
    _library()


@cache
def user_agent() -> str:
    """Return ``vod-batch/<version>``."""
    try:
        return f"vod-batch/{metadata.version('vod-batch')}"
    except metadata.PackageNotFoundError:
        return "vod-batch/unknown"


def authorize(
    method: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    access_key_id: str,
    access_key_secret: str,
) -> str:
    """Return the Authorization header of a request to ``/`` with an empty body.

    Every header given is signed (``vod-api.md`` 6.2).
    """
    signable = _Signable(method, "/", query, headers)
    value: str = _library().Client.get_authorization(
        signable, ALGORITHM, EMPTY_SHA256, access_key_id, access_key_secret
    )
    return value


def sign(
    action: str,
    params: Mapping[str, str],
    *,
    nonce: str,
    signed_at: datetime,
    credentials: Credentials,
    host: str,
) -> SignedRequest:
    """Return the POST for ``action``: parameters in the query, the headers of ``vod-api.md`` 6.1.

    ``signed_at`` goes out in UTC, cut to the second; ``host`` is the Host header, with the port
    where it is not the scheme's own. Raises ValueError for a time without a zone and for text that
    UTF-8 cannot hold.
    """
    headers = {
        "host": host,
        "x-acs-version": API_VERSION,
        "x-acs-action": action,
        "user-agent": user_agent(),
        "x-acs-date": format_time(signed_at),
        "x-acs-signature-nonce": nonce,
        "accept": "application/json",
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-credentials-provider": credentials.provider,
    }
    if credentials.security_token:
        headers["x-acs-accesskey-id"] = credentials.access_key_id
        headers["x-acs-security-token"] = credentials.security_token
    headers["Authorization"] = authorize(
        "POST",
        params,
        headers,
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret,
    )
    # The very string that was signed goes on the wire: nothing is left to decode differently.
    query: str = _library().get_canonical_query_string(params)
    return SignedRequest("POST", host, f"/?{query}", headers)
