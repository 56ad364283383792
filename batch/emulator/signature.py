"""Verification of request signatures, written from ``vod-api.md`` 6 and nothing else.

V3 is ``ACS3-HMAC-SHA256`` in the Authorization header (6.2); the old RPC signature, which the
official SDK still offers, is ``HMAC-SHA1`` in the parameters (6.3).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from multidict import MultiMapping

from batch.emulator.call import Call, Pairs
from batch.emulator.refusals import Refused

V3_ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})"
)
_MUST_BE_SIGNED = frozenset(
    {
        "host",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
    }
)
_PERCENT = {code: quote(chr(code), safe="") for code in range(128)}
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def read_credential(call: Call) -> tuple[str, str]:
    """Fill in the call's access key id; return its SignedHeaders and its signature.

    The list comes from the request: clients sign different headers (``vod-api.md`` 6.1). For the
    old style it is empty.
    """
    if not call.is_v3:
        for name in ("AccessKeyId", "Signature"):
            if not call.get(name):
                raise Refused("missing", name)
        if call.get("SignatureMethod") != "HMAC-SHA1":
            raise Refused("invalid_signature_method")
        call.access_key_id = call.get("AccessKeyId")
        return "", call.get("Signature")
    authorization = call.headers["Authorization"]
    if not authorization.startswith(V3_ALGORITHM + " "):
        raise Refused("invalid_signature_method")
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    if found is None:
        raise Refused("wrong_signature", "The Authorization header is malformed.")
    call.access_key_id, names, signature = found.groups()
    return names, signature


def verify(call: Call, signed_headers: str, signature: str, secret: str) -> None:
    """Refuse the call unless ``signature`` is what ``secret`` gives for what was received."""
    if call.is_v3:
        content_sha256 = hashlib.sha256(call.body).hexdigest() if call.body else _EMPTY_SHA256
        if call.headers.get("x-acs-content-sha256") != content_sha256:
            raise Refused("wrong_signature", "x-acs-content-sha256 is not the hash of the body.")
        if problem := _problem_with(signed_headers, tuple(call.headers)):
            raise Refused("wrong_signature", problem)
        canonical = v3_canonical_request(
            call.method, call.path, call.query, call.headers, signed_headers, content_sha256
        )
        expected = v3_signature(canonical, secret)
    else:
        expected = rpc_signature(call.method, call.query + call.form, secret)
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise Refused("wrong_signature")


def v3_canonical_request(
    method: str,
    path: str,
    query: Pairs,
    headers: MultiMapping[str],
    signed_headers: str,
    content_sha256: str,
) -> str:
    """Return the text whose hash is signed (``vod-api.md`` 6.2)."""
    lines = [method, path, _canonical(query)]
    for name in signed_headers.split(";"):
        values = headers.getall(name, ())
        value = values[0].strip() if len(values) == 1 else ",".join(sorted(map(str.strip, values)))
        lines.append(f"{name}:{value}")
    lines += ["", signed_headers, content_sha256]
    return "\n".join(lines)


def v3_signature(canonical_request: str, secret: str) -> str:
    """Return the hexadecimal signature of a canonical request."""
    hashed = hashlib.sha256(canonical_request.encode(errors="surrogateescape")).hexdigest()
    return hmac.digest(secret.encode(), f"{V3_ALGORITHM}\n{hashed}".encode(), "sha256").hex()


def rpc_signature(method: str, pairs: Iterable[tuple[str, str]], secret: str) -> str:
    """Return the base64 signature of all parameters but ``Signature`` itself (6.3)."""
    signed = _canonical(pair for pair in pairs if pair[0] != "Signature")
    text = f"{method}&%2F&{_encoded(signed)}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), text.encode(), "sha1")).decode()


def _canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Return sorted, percent-encoded pairs; unreserved are letters, digits and ``-_.~``."""
    return "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in sorted(pairs))


def _encoded(text: str) -> str:
    if text.isascii():
        return text if text.isalnum() else text.translate(_PERCENT)
    # Bytes that are not UTF-8 arrive as surrogates; they are signed as the bytes they were.
    return quote(text, safe="", errors="surrogateescape")


@lru_cache(maxsize=1024)
def _problem_with(signed_headers: str, present: tuple[str, ...]) -> str:
    """Say what is wrong with a SignedHeaders list; a client sends the same ones all the time.

    A header that counts but is not signed could be changed on the way.
    """
    names = signed_headers.split(";")
    must = _MUST_BE_SIGNED.union(name for name in map(str.lower, present) if name[:6] == "x-acs-")
    if unsigned := must.difference(names):
        return f"Not in SignedHeaders: {', '.join(sorted(unsigned))}."
    if names != sorted(set(names)):
        return "SignedHeaders must be sorted, without repetition."
    return ""
