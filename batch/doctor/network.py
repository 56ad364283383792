"""The way to the endpoint: its name, and its certificate."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from batch.doctor.check import Check, not_checked
from batch.errors import ConfigurationError, ExitCode
from batch.settings import Settings, is_loopback_host
from batch.vod.proxy import Proxy, proxy_for

SHORT_VALIDITY = timedelta(days=14)
"""Certificates are renewed well before; one this old is about to be forgotten."""

_FIX = "check VOD_BATCH_REGION, VOD_BATCH_ENDPOINT and the way there"


async def check_way(settings: Settings, now: datetime) -> AsyncIterator[Check]:
    """Resolve the endpoint's name and look at its certificate."""
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    seconds = settings.connect_timeout.total_seconds()
    try:
        proxy = proxy_for(settings.url)
    except ConfigurationError as error:
        yield Check("proxy", str(error), "fix or unset it", error.exit_code)
        return
    if proxy is None:
        name = await _check_name(host, port, seconds)
    else:
        yield Check("proxy", f"the way leads through {proxy.shown}, by {proxy.variable}")
        name = await _check_name(proxy.url.host or "", proxy.url.port or 80, seconds)
    yield name
    if parts.scheme == "https":
        yield (
            await _check_certificate(host, port, seconds, now, proxy)
            if name.passed
            else not_checked("certificate", "the endpoint has no address")
        )
    elif not is_loopback_host(host):
        fix = "use https, unless the line is yours alone"
        yield Check("certificate", "none: the endpoint is plain http", fix)


async def _check_name(host: str, port: int, seconds: float) -> Check:
    if _is_address(host):
        return Check("dns", f"{host} is an address, there is no name to look up")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port)
    except (OSError, TimeoutError) as error:
        detail = f"{host} has no address ({_reason(error)})"
        return Check("dns", detail, f"{_FIX}, and this machine's DNS", ExitCode.UNAVAILABLE)
    addresses = sorted({str(address[0]) for *_, address in found})
    return Check("dns", f"{host} is {', '.join(addresses)}")


async def _check_certificate(
    host: str, port: int, seconds: float, now: datetime, proxy: Proxy | None
) -> Check:
    try:
        expires_at = await _read_expiry(host, port, seconds, proxy)
    except ssl.SSLCertVerificationError as error:
        fix = "set this machine's clock and its CA certificates (SSL_CERT_FILE); beware of a proxy"
        detail = f"not trusted: {error.verify_message or _reason(error)}"
        return Check("certificate", detail, fix, ExitCode.UNAVAILABLE)
    except (OSError, TimeoutError) as error:
        detail = f"no TLS connection ({_reason(error)})"
        return Check("certificate", detail, _FIX, ExitCode.UNAVAILABLE)
    left = expires_at - now
    detail = f"trusted, expires on {expires_at:%Y-%m-%d}, in {left.days} days"
    soon = "ask for a new one from those who run the endpoint" if left < SHORT_VALIDITY else ""
    return Check("certificate", detail, soon)


async def _read_expiry(host: str, port: int, seconds: float, proxy: Proxy | None) -> datetime:
    """Connect as the client does, and return when the certificate ends (UTC)."""
    context = await asyncio.to_thread(ssl.create_default_context)
    async with asyncio.timeout(seconds):
        if proxy is None:
            _, writer = await asyncio.open_connection(host, port, ssl=context)
        else:
            writer = await _tunnel(proxy, host, port)
            await writer.start_tls(context, server_hostname=host)
    try:
        certificate = writer.get_extra_info("peercert")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    finally:
        writer.transport.abort()


async def _tunnel(proxy: Proxy, host: str, port: int) -> asyncio.StreamWriter:
    """Ask a proxy for a way to ``host``. Raises ConnectionError when it gives none."""
    reader, writer = await asyncio.open_connection(proxy.url.host, proxy.url.port)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        answer = b""
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        writer.transport.abort()
        said = f"HTTP {status[0].decode('ascii', 'replace')}" if status else "nothing"
        raise ConnectionError(f"the proxy answers {said} to CONNECT")
    return writer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
