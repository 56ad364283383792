"""An emulator in this process, and a plain HTTP client that signs with the vendor's own code."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from alibabacloud_openapi_util.client import Client as VendorSigner
from Tea.request import TeaRequest
from yarl import URL

from batch.emulator.clock import Clock, iso_seconds
from batch.emulator.server import create_app, create_runner
from batch.emulator.settings import parse_settings

START_WALL = 1_767_323_045.25  # 2026-01-02T03:04:05.25Z
PATIENCE = 30.0
"""Seconds after which a test gives up on a signal; generous, machines may be slow."""


class TurnableClock:
    """Both clocks of an emulator, standing still until a test turns them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._clock = Clock(lambda: START_WALL + self.seconds, lambda: 1000.0 + self.seconds)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    def as_clock(self) -> Clock:
        """Return what the emulator takes; an admin call may move it, and clients go along."""
        return self._clock


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    @property
    def code(self) -> str:
        """The error code, "OK" for none."""
        return str(self.json.get("Code", "OK"))


@dataclass
class Emulator:
    """A running emulator as its clients see it."""

    url: str
    session: aiohttp.ClientSession
    clock: TurnableClock
    access_key: tuple[str, str] = ("testid", "testsecret")
    extra_headers: dict[str, str] = field(default_factory=dict)

    async def v3(
        self,
        action: str = "SubmitAIJob",
        query: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        form: Mapping[str, str] | None = None,
        nonce: str | None = None,
        date: str | None = None,
        version: str = "2017-03-21",
        unsigned: Mapping[str, str] | None = None,
        change: Mapping[str, str] | None = None,
        sent_body: bytes | None = None,
    ) -> Reply:
        """Make a call signed with V3; after signing, ``unsigned`` replaces headers.

        ``change`` replaces parameters of the query then, ``sent_body`` the body.
        """
        body = urlencode(form).encode() if form else b""
        digest = hashlib.sha256(body).hexdigest()
        request = TeaRequest()
        request.method, request.pathname, request.query = method, "/", dict(query or {})
        request.headers = {
            "host": self.url.removeprefix("http://"),
            "accept": "application/json",
            "x-acs-action": action,
            "x-acs-version": version,
            "x-acs-date": date or iso_seconds(self.clock.as_clock().wall()),
            "x-acs-signature-nonce": nonce or uuid.uuid4().hex,
            "x-acs-content-sha256": digest,
            **self.extra_headers,
        }
        if form:
            request.headers["content-type"] = "application/x-www-form-urlencoded"
        request.headers["Authorization"] = VendorSigner.get_authorization(
            request, "ACS3-HMAC-SHA256", digest, *self.access_key
        )
        headers = {**request.headers, **(unsigned or {})}
        sent = body if sent_body is None else sent_body
        return await self.send(method, {**request.query, **(change or {})}, sent, headers)

    async def rpc(
        self,
        action: str = "SubmitAIJob",
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        change: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make a call with the old signature; ``change`` replaces parameters after signing."""
        parameters = {
            "Action": action,
            "Version": "2017-03-21",
            "AccessKeyId": self.access_key[0],
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "Format": "JSON",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": iso_seconds(self.clock.as_clock().wall()),
            **(query or {}),
        }
        parameters["Signature"] = VendorSigner.get_rpcsignature(
            {**parameters, **(form or {})}, method, self.access_key[1]
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        body = urlencode(form).encode() if form else b""
        return await self.send(method, {**parameters, **(change or {})}, body, headers)

    async def send(
        self, method: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        """Send a request as it is and read the whole answer."""
        url = URL(f"{self.url}/?{urlencode(query)}", encoded=True)
        async with self.session.request(method, url, data=body, headers=headers) as response:
            text = await response.text()
            content = json.loads(text) if response.content_type == "application/json" else None
            return Reply(response.status, response.headers.copy(), text, content)

    async def submit(self, media_id: str = "media1", types: str = "AIMediaDNA") -> Reply:
        """Submit a media, V3."""
        return await self.v3("SubmitAIJob", {"MediaId": media_id, "Types": types})

    async def list_info(self, media_id: str = "media1") -> list[dict[str, Any]]:
        """Return a media's AI jobs as ListJobInfo tells them."""
        reply = await self.v3("ListJobInfo", {"MediaId": media_id, "JobType": "ai"})
        assert reply.code == "OK"
        jobs: list[dict[str, Any]] = reply.json["JobInfoList"]
        return jobs

    async def detail(self, job_id: str) -> Reply:
        """Ask for an AI job."""
        return await self.v3("GetJobDetail", {"JobId": job_id, "JobType": "ai"})

    async def get(self, page: str) -> Any:
        """Return an admin page."""
        async with self.session.get(f"{self.url}/_emulator/{page}") as response:
            response.raise_for_status()
            return await response.json()

    async def post(self, page: str, body: Any) -> int:
        """Post to an admin page; return the status."""
        async with self.session.post(f"{self.url}/_emulator/{page}", json=body) as response:
            await response.read()
            return response.status

    async def jobs(self) -> list[dict[str, Any]]:
        """Return the job list."""
        async with self.session.get(f"{self.url}/_emulator/jobs") as response:
            return [json.loads(line) for line in (await response.text()).splitlines()]

    async def meter(self) -> dict[str, Any]:
        """Return the meter."""
        meter: dict[str, Any] = await self.get("meter")
        return meter


class StartEmulator(Protocol):
    """The fixture that starts emulators."""

    def __call__(self, toml: str = "") -> Awaitable[Emulator]:
        """Start one with these settings and a clock that stands still."""


@pytest.fixture
async def start_emulator() -> AsyncIterator[StartEmulator]:
    """Start emulators that end with the test."""
    async with AsyncExitStack() as stack:

        async def start(toml: str = "") -> Emulator:
            turnable = TurnableClock()
            runner = create_runner(create_app(parse_settings(toml), turnable.as_clock()))
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Emulator(
                f"http://127.0.0.1:{runner.addresses[0][1]}",
                session,
                turnable,
            )

        yield start


@pytest.fixture
async def emulator(start_emulator: StartEmulator) -> Emulator:
    """An emulator with default settings."""
    return await start_emulator()


Until = Callable[[Emulator, Callable[[dict[str, Any]], bool]], Awaitable[dict[str, Any]]]


@pytest.fixture
def until() -> Until:
    """Wait until the meter shows something, and return it."""

    async def wait(
        emulator: Emulator, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                if condition(meter := await emulator.meter()):
                    return meter

    return wait
