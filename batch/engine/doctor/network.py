"""The way to the endpoint: its name, and its certificate."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from batch.engine.doctor.check import Check, not_checked
from batch.errors import ExitCode
from batch.settings import Settings, is_loopback_host

SHORT_VALIDITY = timedelta(days=14)
"""Certificates are renewed well before; one this old is about to be forgotten."""

_MEND = "check VOD_BATCH_REGION, VOD_BATCH_ENDPOINT and the way there"


async def check_way(settings: Settings, now: datetime) -> AsyncIterator[Check]:
    """Resolve the endpoint's name and look at its certificate."""
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    seconds = settings.connect_timeout.total_seconds()
    yield (name := await _check_name(host, port, seconds))
    if parts.scheme == "https":
        yield (
            await _check_certificate(host, port, seconds, now)
            if name.is_well
            else not_checked("certificate", "the endpoint has no address")
        )
    elif not is_loopback_host(host):
        mend = "use https, unless the line is yours alone"
        yield Check("certificate", "none: the endpoint is plain http", mend)


async def _check_name(host: str, port: int, seconds: float) -> Check:
    if _is_address(host):
        return Check("dns", f"{host} is an address, there is no name to look up")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port)
    except (OSError, TimeoutError) as error:
        detail = f"{host} has no address ({_reason(error)})"
        return Check("dns", detail, f"{_MEND}, and this machine's DNS", ExitCode.UNAVAILABLE)
    addresses = sorted({str(address[0]) for *_, address in found})
    return Check("dns", f"{host} is {', '.join(addresses)}")


async def _check_certificate(host: str, port: int, seconds: float, now: datetime) -> Check:
    try:
        expires_at = await _read_expiry(host, port, seconds)
    except ssl.SSLCertVerificationError as error:
        mend = "set this machine's clock and its CA certificates (SSL_CERT_FILE); beware of a proxy"
        detail = f"not trusted: {error.verify_message or _reason(error)}"
        return Check("certificate", detail, mend, ExitCode.UNAVAILABLE)
    except (OSError, TimeoutError) as error:
        detail = f"no TLS connection ({_reason(error)})"
        return Check("certificate", detail, _MEND, ExitCode.UNAVAILABLE)
    left = expires_at - now
    detail = f"trusted, expires on {expires_at:%Y-%m-%d}, in {left.days} days"
    soon = "tell whoever runs the endpoint" if left < SHORT_VALIDITY else ""
    return Check("certificate", detail, soon)


async def _read_expiry(host: str, port: int, seconds: float) -> datetime:
    """Connect as the client does, and return when the certificate ends (UTC)."""
    context = await asyncio.to_thread(ssl.create_default_context)
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        certificate = writer.get_extra_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    finally:
        writer.transport.abort()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
