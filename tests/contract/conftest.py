"""The services the official SDK is pointed at: the emulator as a process, on demand the real one.

The real service costs money (a job or two a run). It takes part only when asked for::

    VOD_BATCH_CONTRACT_LIVE=1 VOD_BATCH_CONTRACT_MEDIA_ID=<32 hex digits> \\
    ALIBABA_CLOUD_ACCESS_KEY_ID=... ALIBABA_CLOUD_ACCESS_KEY_SECRET=... pytest tests/contract
"""

import asyncio
import json
import os
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vod20170321.client import Client

from tests.contract.caller import Caller
from tests.support.waiting import PATIENCE
from tests.support.warm import forked

_LIVE_NAMES = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "VOD_BATCH_CONTRACT_MEDIA_ID",
)
_LIVE = os.environ.get("VOD_BATCH_CONTRACT_LIVE") == "1" and all(map(os.environ.get, _LIVE_NAMES))
SERVICES = ("emulator", "live") if _LIVE else ("emulator",)


@dataclass(frozen=True)
class Service:
    """Where calls go, as whom, and a media that exists there."""

    endpoint: str
    protocol: str
    access_key_id: str
    access_key_secret: str
    media_id: str

    def client(self, *, old_signature: bool = False, secret: str | None = None) -> Client:
        """Return the official SDK's client for this service."""
        config = Config(
            access_key_id=self.access_key_id,
            access_key_secret=secret or self.access_key_secret,
            endpoint=self.endpoint,
            protocol=self.protocol,
            signature_algorithm="v2" if old_signature else None,
            # A proxy of the environment has no business between this test and a loopback server.
            no_proxy="127.0.0.1",
        )
        return Client(config)


@contextmanager
def _emulator(toml: str, folder: Path) -> Iterator[Service]:
    """Run the emulator as a process of its own, on a free port, and end it cleanly."""
    settings = folder / "emulator.toml"
    settings.write_text(toml, encoding="utf-8")
    words = ["--port", "0", "--settings", str(settings)]
    with forked(words, cwd=folder, env=os.environ, program="batch.emulator", stderr=2) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip().rpartition("/")[2]
        assert endpoint, "the emulator did not start"
        service = Service(
            endpoint, "http", "testid", "testsecret", "925ead60239d71ee80ca6732b68f0102"
        )
        _lift_quotas(service)
        yield service
        process.terminate()
        assert process.wait(PATIENCE) == 0


def ask_admin(service: Service, page: str, body: Any = None) -> Any:
    """Get an admin page of an emulator, or post ``body`` to it."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://{service.endpoint}/_emulator/{page}"
    with urllib.request.urlopen(url, data, timeout=PATIENCE) as response:
        return json.load(response)


def _lift_quotas(service: Service) -> None:
    """Take all limits away: a fast machine would meet them by the number of tests alone."""
    limits = ask_admin(service, "quota")
    ask_admin(service, "quota", dict.fromkeys(limits, 0))


def _live_service() -> Service:
    region = os.environ.get("VOD_BATCH_REGION", "cn-shanghai")
    key_id, secret, media_id = (os.environ[name] for name in _LIVE_NAMES)
    return Service(f"vod.{region}.aliyuncs.com", "https", key_id, secret, media_id)


StartEmulator = Callable[[str], Service]


@pytest.fixture(scope="session")
def shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartEmulator]:
    """Return an emulator with these settings; tests that change nothing in it share it."""
    with ExitStack() as stack:

        @cache
        def start(toml: str) -> Service:
            return stack.enter_context(_emulator(toml, tmp_path_factory.mktemp("emulator")))

        yield start


@pytest.fixture
def start_emulator(tmp_path: Path) -> Iterator[StartEmulator]:
    """Start an emulator for one test alone."""
    with ExitStack() as stack:
        yield lambda toml: stack.enter_context(_emulator(toml, tmp_path))


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, shared_emulator: StartEmulator) -> Service:
    """Each service in turn; what a test asserts with it must hold for all of them."""
    return _live_service() if request.param == "live" else shared_emulator("")


@pytest.fixture
def read_meter() -> Callable[[Service], Awaitable[dict[str, Any]]]:
    """Read an emulator's meter."""
    return lambda service: asyncio.to_thread(ask_admin, service, "meter")


@pytest.fixture
def admin() -> Callable[..., Awaitable[Any]]:
    """Get an emulator's admin page, or post to it: ``admin(service, page[, body])``."""
    return lambda *arguments: asyncio.to_thread(ask_admin, *arguments)


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["v3", "old"])
def signature(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sdk(way: str, signature: str) -> Caller:
    return Caller(way, signature)
