"""The demo: an embedded database and an emulator, a list loaded and submitted, the bill read."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp

from batch.cli.output import say
from batch.cli.progress import watch_run
from batch.errors import ExitCode, UnavailableError, most_urgent
from batch.ledger import loading
from batch.night.shift import submit
from batch.session import Session, open_session
from batch.settings import load_settings
from batch.show.text.runs import load_lines, summary_lines
from batch.submit.tally import RunSummary
from batch.vod.credentials import Credentials, CredentialSource

QUOTA = 30.0
_KEY = Credentials("testid", "testsecret")  # the emulator's own, known to everybody
_START_SECONDS = 30.0


async def run_demo(home: Path) -> ExitCode:
    """Run the demo in ``home``, which is emptied first; return the exit code.

    Raises:
        VodBatchError: a part does not start.
    """
    shutil.rmtree(home, ignore_errors=True)
    manifest = examples_folder() / "media.csv"
    say(f"vod-batch demo: an embedded PostgreSQL and an emulator of the cloud, in {home}", "")
    async with _emulator() as endpoint:
        settings = load_settings(
            reads_file=False, home=home, endpoint=endpoint, qps=QUOTA, quarantine=home,
            account="default", region="cn-shanghai", type=None, campaign="default",
            max_submissions=None,
            skip_existing="never",  # no job is older than its cloud
        ).model_copy(update={"database_url": None})  # fmt: skip
        source = CredentialSource(lambda: _KEY)
        async with open_session(settings, source) as session:
            await _load(session, manifest)
            summary = await _submit(session)
        meter = await _read_meter(endpoint)
    _show_meter(meter)
    _show_next(home)
    return most_urgent(*(code for code in summary.exit_codes if code is not _EXPECTED))


# The example holds media that the emulator refuses, to show what a refusal looks like.
_EXPECTED = ExitCode.DONE_WITH_FAILURES


def examples_folder() -> Path:
    """Return the folder of examples: beside the package in a checkout, inside it in a wheel."""
    package = Path(str(resources.files("batch")))
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"


async def _load(session: Session, manifest: Path) -> None:
    report = await loading.load_manifest(
        session.database, session.target, str(manifest), session.settings
    )
    say("1. load", *load_lines(report), "")


async def _submit(session: Session) -> RunSummary:
    say(f"2. submit, at the quota of {QUOTA:g} calls in any second")
    with watch_run() as watcher:
        summary = await submit(session, watcher, max_submissions=None)
    say(*summary_lines(summary), "")
    return summary


@contextlib.asynccontextmanager
async def _emulator() -> AsyncIterator[str]:
    """Start the emulator on a free port of loopback and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "batch.emulator", "--port", "0", "--qps", f"{QUOTA:g}",
        "--settings", str(examples_folder() / "demo-emulator.toml"),
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C is for us to hand on: the emulator must outlive the answers we wait for.
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(_START_SECONDS):
            line = (await process.stdout.readline()).decode()
        if "http://" not in line:
            raise UnavailableError("the emulator does not start; try: vod-batch emulator --port 0")
        yield "http://" + line.strip().rpartition("http://")[2]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _read_meter(endpoint: str) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{endpoint}/_emulator/meter") as answer,
    ):
        return dict(json.loads(await answer.read()))


def _show_meter(meter: dict[str, Any]) -> None:
    twice = meter["media_types_with_more_than_one_job"]["count"]
    minutes = meter["charged_minutes"]
    say(
        "3. what the emulator of the cloud counted",
        f"  jobs made    {meter['jobs']:>9,}  "
        + ", ".join(f"{n:,} {name}" for name, n in sorted(meter["jobs_per_type"].items())),
        f"  paid twice   {twice:>9,}",
        f"  to pay       {minutes['total']:>9,}  minutes",
        f"  worst second {meter['busiest_second']:>9,}  calls, {meter['throttled']:,} throttled",
        "",
    )


def _show_next(home: Path) -> None:
    where = f"VOD_BATCH_HOME={home}"
    if "VOD_BATCH_DATABASE_URL" in os.environ:
        where += " VOD_BATCH_DATABASE_URL="
    say(
        "Try next:",
        f"  {where} {_own_name()} status",
        f"  {where} {_own_name()} export --format csv",
        f"  {_own_name()} --help",
    )


def _own_name() -> str:
    """Return what to type for this program: its path, unless it is the one that PATH finds."""
    beside = Path(sys.executable).parent / "vod-batch"
    found = shutil.which("vod-batch")
    if found and Path(found).exists() and beside.exists() and Path(found).samefile(beside):
        return "vod-batch"
    return str(beside) if beside.exists() else "python -m batch"
