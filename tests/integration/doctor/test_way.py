"""The way to the endpoint: a name, a certificate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batch.doctor import Check
from batch.doctor.network import check_way
from batch.settings import Settings
from tests.support.certificates import own_certificate
from tests.support.hearing import hearing_server


@contextmanager
def _trusting(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


async def _way(endpoint: str) -> dict[str, Check]:
    settings = Settings.model_validate({"endpoint": endpoint})
    return {check.name: check async for check in check_way(settings, datetime.now(UTC))}


async def test_a_name_is_looked_up() -> None:
    """Its addresses are shown; an address needs no name."""
    found = await _way("http://localhost:8808")
    assert "127.0.0.1" in found["dns"].detail
    assert found.keys() == {"dns"}
    assert "is an address" in (await _way("http://127.0.0.1:8808"))["dns"].detail


async def test_a_name_that_nobody_has() -> None:
    """Code 69; the certificate cannot be looked at."""
    found = await _way("https://nobody.invalid")
    assert (found["dns"].grade, found["dns"].code) == ("bad", 69)
    assert found["certificate"].grade == "not checked"


@pytest.mark.parametrize(("days", "verdict"), [(90, "ok"), (5, "warning")])
async def test_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, verdict: str
) -> None:
    """Its end is shown; one that ends soon is a warning."""
    certificate = own_certificate(tmp_path, days=days + 0.5)
    with _trusting(monkeypatch, certificate.path):
        async with hearing_server(ssl_context=certificate.context) as server:
            found = (await _way(server.url))["certificate"]
    assert (found.grade, found.code) == (verdict, 0)
    assert found.detail.endswith(f"in {days} days")


async def test_a_certificate_that_signs_itself(tmp_path: Path) -> None:
    """Nobody vouches for it: code 69, as a run would end."""
    certificate = own_certificate(tmp_path)
    async with hearing_server(ssl_context=certificate.context) as server:
        found = (await _way(server.url))["certificate"]
    assert (found.grade, found.code) == ("bad", 69)
    assert "self-signed certificate" in found.detail


async def test_a_certificate_that_has_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trusted once, no more."""
    certificate = own_certificate(tmp_path, days=-1)
    with _trusting(monkeypatch, certificate.path):
        async with hearing_server(ssl_context=certificate.context) as server:
            found = (await _way(server.url))["certificate"]
    assert (found.grade, found.code) == ("bad", 69)
    assert "expired" in found.detail


async def test_nobody_at_the_door() -> None:
    """No TLS at all."""
    found = (await _way("https://127.0.0.1:1"))["certificate"]
    assert (found.grade, found.code) == ("bad", 69)


async def test_plain_http_to_another_machine_is_a_warning() -> None:
    """On loopback it is not."""
    assert (await _way("http://10.1.2.3"))["certificate"].grade == "warning"
    assert "certificate" not in await _way("http://127.0.0.1")
