"""The emulator as a process: one line on stdout, options, a clean end."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

PATIENCE = 60.0


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[Process]:
    """Run the emulator; kill it if the test left it running."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "batch.emulator", *options, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_listens_says_so_and_ends_cleanly(number: signal.Signals) -> None:
    async with asyncio.timeout(PATIENCE), running("--port", "0") as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(r"vod-batch emulator listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert found is not None
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{found[1]}/_emulator/healthz") as response,
        ):
            assert (response.status, await response.text()) == (200, "ok")
        process.send_signal(number)
        rest, errors = await process.communicate()

        assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_options_beat_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "emulator.toml"
    file.write_text("quota.limits = {SubmitAIJob = 7, ListAIJob = 8}\nport = 1")
    options = ["--settings", str(file), "--port", "0", "--qps", "9"]
    async with asyncio.timeout(PATIENCE), running(*options) as process:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/_emulator/quota") as response,
        ):
            limits = await response.json()

    assert (limits["SubmitAIJob"], limits["ListAIJob"]) == (9, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--settings", "/nonexistent/file.toml"], "cannot read /nonexistent/file.toml"),
        (["--qps", "-1"], "SubmitAIJob must be greater than or equal to 0"),
        (["--fail-ratio", "3"], "jobs.fail_ratio must be less than or equal to 1"),
    ],
)
async def test_a_wrong_option_ends_with_usage(options: list[str], message: str) -> None:
    async with asyncio.timeout(PATIENCE), running("--port", "0", *options) as process:
        _, errors = await process.communicate()

    assert process.returncode == 2
    assert message in errors.decode()


async def test_a_port_in_use_ends_with_one_line() -> None:
    async with asyncio.timeout(PATIENCE), running("--port", "0") as first:
        assert first.stdout is not None
        port = (await first.stdout.readline()).decode().rsplit(":", 1)[1].strip()
        async with running("--port", port) as second:
            _, errors = await second.communicate()

    assert second.returncode == 1
    assert "cannot listen" in errors.decode()


async def test_a_port_that_no_machine_has_ends_with_one_line() -> None:
    async with asyncio.timeout(PATIENCE), running("--port", "99999") as process:
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert "cannot listen" in errors.decode()
    assert "Traceback" not in errors.decode()
