"""One POST to a service that notices go to."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
from yarl import URL

from batch.notify.delivery import NotDeliveredError

_LONGEST_ANSWER = 64 * 1024
_WORTH_ANOTHER_TRY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_TOKEN_LENGTH = 8  # path segments from here on may be tokens, shorter ones are words such as "send"


async def post(session: aiohttp.ClientSession, url: str, body: bytes, content_type: str) -> str:
    """POST ``body`` and return the answer's text.

    Raises:
        NotDeliveredError: no answer, or one that is not a success.
    """
    with _told_plainly():
        # A redirected POST would arrive as a GET without its body, and elsewhere.
        async with session.post(
            URL(url, encoded=True),
            data=body,
            headers={"Content-Type": content_type, "User-Agent": "vod-batch"},
            allow_redirects=False,
        ) as answer:
            text = (await _read(answer)).decode("utf-8", "replace")
            if not answer.ok or answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                again = answer.status in _WORTH_ANOTHER_TRY or answer.status >= 500
                said = "" if answer.status < HTTPStatus.BAD_REQUEST else f": {text}"
                raise NotDeliveredError(f"HTTP {answer.status}{said}", again=again)
            return text


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for part in answer.content.iter_any():
        body += part
        if len(body) >= _LONGEST_ANSWER:
            break
    return body


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Say what went wrong without the library's own words, which may hold the URL."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError:
        raise NotDeliveredError("its certificate is not trusted", again=False) from None
    except aiohttp.ClientConnectorDNSError:
        raise NotDeliveredError("its host name is not known", again=True) from None
    except aiohttp.ClientHttpProxyError as error:
        raise NotDeliveredError(f"the proxy answers HTTP {error.status}", again=True) from None
    except aiohttp.ClientConnectorError as error:
        raise NotDeliveredError(cannot_connect(error.os_error), again=True) from None
    except ssl.SSLError:
        raise NotDeliveredError("no TLS with it", again=False) from None
    except aiohttp.ClientError as error:
        raise NotDeliveredError(f"no whole answer ({type(error).__name__})", again=True) from None


def cannot_connect(error: OSError) -> str:
    """Say why, in the system's words: the library's own name the address."""
    return f"cannot connect: {os.strerror(error.errno)}" if error.errno else "cannot connect"


def secrets_of(url: str) -> tuple[str, ...]:
    """Return everything in ``url`` that may be a token, in each of its spellings."""
    parts = urlsplit(url)
    segments = [part for part in parts.path.split("/") if len(part) >= _TOKEN_LENGTH]
    values = [value for _, value in parse_qsl(parts.query) if len(value) > 1]
    found = [url, parts.query, parts.password or "", *segments, *values]
    return tuple({*found, *(unquote(each) for each in found)} - {""})
