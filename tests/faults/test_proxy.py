"""The way to the cloud through a real proxy, which may refuse, want a password, or be gone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from batch.core.outcome import Accepted, InDoubt, NotSent
from batch.doctor.network import check_way
from batch.errors import ConfigurationError
from batch.settings import Settings
from batch.vod.client import VodClient
from batch.vod.credentials import Credentials, CredentialSource
from batch.vod.proxy import proxy_for
from tests.faults.test_client_failures import CLAIM, drop, serving, succeed
from tests.support.certificates import OwnCertificate, own_certificate
from tests.support.connecting import connect_proxy

CLOUD = "vod.example.test"


@pytest.fixture(autouse=True)
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCertificate:
    """A certificate of the cloud's name that this test trusts; no proxy of the machine's own."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    made = own_certificate(tmp_path, names=[CLOUD])
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


def cloud() -> VodClient:
    source = CredentialSource(lambda: Credentials("testid", "testsecret"))
    return VodClient(f"https://{CLOUD}", source)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("password", [None, "p-word"])
async def test_the_proxy_leads_to_the_cloud(
    certificate: OwnCertificate,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    password: str | None,
) -> None:
    async with (
        serving(succeed, tls=certificate.context) as server,
        connect_proxy(server.port, password=password) as proxy,
    ):
        monkeypatch.setenv(variable, proxy.url)
        async with cloud() as client:
            assert isinstance(await client.submit(CLAIM), Accepted)
            assert isinstance(await client.submit(CLAIM), Accepted)
        assert proxy.asked == [f"CONNECT {CLOUD}:443 HTTP/1.1"], "one tunnel, used again"
        assert len(server.requests) == 2


@pytest.mark.parametrize("answer", [b"407 Who", b"502 Bad Gateway", b"503 Ill", b"302 Sign in"])
async def test_a_proxy_that_gives_no_way_has_sent_nothing(
    certificate: OwnCertificate, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """It refused the tunnel: the request was still here, whatever the status is."""
    async with (
        serving(succeed, tls=certificate.context) as server,
        connect_proxy(server.port, password="p-word", answer=answer) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with cloud() as client:
            outcome = await client.submit(CLAIM)
        assert isinstance(outcome, NotSent)
        assert f"HTTP {answer[:3].decode()}" in outcome.reason
        assert "p-word" not in outcome.reason
        assert ("name and password" in outcome.reason) == answer.startswith(b"407")
        assert server.requests == []


async def test_a_proxy_that_is_not_there_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:p-word@127.0.0.1:{closed_port}")
    async with cloud() as client:
        outcome = await client.submit(CLAIM)
    assert isinstance(outcome, NotSent)
    assert f"the proxy http://127.0.0.1:{closed_port} of HTTPS_PROXY" in outcome.reason
    assert "p-word" not in outcome.reason


async def test_what_is_lost_behind_the_tunnel_is_in_doubt(
    certificate: OwnCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(drop, tls=certificate.context) as server,
        connect_proxy(server.port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with cloud() as client:
            assert isinstance(await client.submit(CLAIM), InDoubt)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8808", "http://[::1]:1", "http://localhost"]
)
def test_this_machine_is_never_asked_for_through_a_proxy(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    assert proxy_for(endpoint) is None
    assert proxy_for("http://emulator.example.test:8808")


@pytest.mark.parametrize("no_proxy", ["*", CLOUD, "example.test", ".example.test", f"x,{CLOUD}"])
def test_no_proxy_counts(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    found = proxy_for(f"https://{CLOUD}")
    assert found is not None
    assert found.shown == "http://proxy:3128"
    monkeypatch.setenv("no_proxy", no_proxy)
    assert proxy_for(f"https://{CLOUD}") is None


@pytest.mark.parametrize("written", ["socks5://me:p-word@host:1", "http://me:p-word@host:x", "//"])
def test_what_is_no_http_proxy_is_an_error_without_its_password(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", written)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY names no proxy") as caught:
        proxy_for(f"https://{CLOUD}")
    assert "p-word" not in str(caught.value)


@pytest.mark.parametrize("answer", [None, b"407 Who"])
async def test_the_doctor_names_the_proxy(
    certificate: OwnCertificate, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    settings = Settings.model_validate({"endpoint": f"https://{CLOUD}"})
    async with (
        serving(succeed, tls=certificate.context) as server,
        connect_proxy(server.port, password="p-word", answer=answer) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        checks = {check.name: check async for check in check_way(settings, datetime.now(UTC))}
    assert checks["proxy"].detail.endswith(", by HTTPS_PROXY")
    assert ("trusted" in checks["certificate"].detail) == (answer is None)
    assert "p-word" not in repr(checks)
