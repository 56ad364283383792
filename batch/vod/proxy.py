"""The proxy on the way to an endpoint, as ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` name it.

Read by Python's own urllib, in capitals or not, and by its rules: ``NO_PROXY`` holds names, ends of
names, ``host:port`` or ``*``. What is on this machine is never asked for through a proxy.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from batch.core.hosts import is_loopback_host
from batch.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; ``url`` may hold a password, ``shown`` does not. ``variable`` is what named it."""

    url: URL = field(repr=False)
    shown: str
    variable: str

    def hide(self, text: str) -> str:
        """Blank out the password in ``text``, as it is and as the URL writes it."""
        for secret in (self.url.password, self.url.raw_password):
            text = text.replace(secret, "***") if secret else text
        return text

    @property
    def authorization(self) -> str | None:
        """The header ``Proxy-Authorization`` for CONNECT, where the URL names a user."""
        if self.url.user is None:
            return None
        words = f"{self.url.user}:{self.url.password or ''}"
        return "Basic " + b64encode(words.encode()).decode()


def proxy_for(endpoint: str) -> Proxy | None:
    """Return the proxy that leads to ``endpoint``, if one does.

    Raises ConfigurationError for one that is no http proxy.
    """
    parts = urlsplit(endpoint)
    host, variable = parts.hostname or "", f"{parts.scheme.upper()}_PROXY"
    written = getproxies().get(parts.scheme)
    if not written or is_loopback_host(host) or proxy_bypass(_with_port(parts)):
        return None
    try:
        url = URL(written if "://" in written else f"http://{written}")
        is_fit = url.scheme == "http" and bool(url.host) and url.port is not None
    except ValueError:
        is_fit = False
    if not is_fit:
        message = f"{variable} names no proxy that can be used. Write it like http://proxy:3128."
        raise ConfigurationError(message)
    return Proxy(url, str(url.with_user(None).origin()), variable)


def _with_port(parts: SplitResult) -> str:
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
