"""What no text may show: our keys, and what they made of a request.

An answer may echo what was sent, and its words go to the ledger, the journal, reports and logs.
"""

from collections.abc import Callable
from urllib.parse import quote

from batch.vod.credentials import Credentials
from batch.vod.wire import SignedRequest

_SHORTEST = 6
"""Fewer letters stand in every other word: no key is that short, and a text would be unreadable."""


def hider(request: SignedRequest, credentials: Credentials) -> Callable[[str], str]:
    """Return what blanks out the secrets of one request, as they are and as a URL writes them."""
    signature = request.headers["Authorization"].rpartition("=")[2]
    known = (credentials.access_key_secret, credentials.security_token, signature)
    forms = {form for secret in known if secret for form in (secret, quote(secret, safe=""))}
    secrets = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return hide
