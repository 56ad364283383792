"""The commands' work from Python, as the README shows it word for word."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import media, write_csv

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_loads_plans_submits_reconciles_and_spends_a_night(
    console: Console, emulator: Emulator
) -> None:
    """Nobody looks on; each media is paid once, and the night's list lies beside its results."""
    [code] = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    write_csv(console.home / "media.csv", [media(n) for n in range(4)])
    lists = console.home / "lists"
    lists.mkdir()
    write_csv(lists / "new.csv", [media(n) for n in range(2, 7)])
    fast = console.having(VOD_BATCH_TYPE="AIMediaDNA", VOD_BATCH_SETTLED_AFTER="1ms",
                          VOD_BATCH_POLL_QPS="1000", VOD_BATCH_QPS="1000")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=fast.home, env=fast.environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *lines, night = done.stdout.splitlines()
    assert lines == ["loaded: 4", "due: 4 in 4 requests", "submitted: 4", "succeeded: 4"]
    assert night.startswith("night: DONE {")
    assert "'succeeded': 7" in night
    assert emulator.meter()["jobs"] == 7
    assert (lists / "done" / "new.csv.results.csv").exists()


_IN_A_THREAD = """
import asyncio, signal, threading
from batch.api import Settings, load, submit
from batch.settings import load_settings
settings = load_settings()
async def work():
    [report] = [report async for report in load(settings, ["media.csv"])]
    print((await submit(settings)).states["submitted"])
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
thread = threading.Thread(target=lambda: asyncio.run(work()))
thread.start()
thread.join()
assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
asyncio.run(submit(settings))
assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
"""


def test_a_call_in_a_thread_leaves_signals_alone(console: Console, emulator: Emulator) -> None:
    """As a worker of Airflow or Prefect runs it: no handler is set, nor in the main thread."""
    write_csv(console.home / "media.csv", [media(n) for n in range(3)])
    fast = console.having(VOD_BATCH_QPS="1000")
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_THREAD], cwd=fast.home, env=fast.environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, "3" in done.stdout.splitlines()) == (0, True), done.stderr
    assert emulator.meter()["jobs"] == 3


def test_a_batch_py_of_the_working_folder_is_not_ours(console: Console) -> None:
    """The command, and the emulator that a demo starts, run from a folder that holds one."""
    (console.home / "batch.py").write_text("raise SystemExit(7)")
    beside = Path(sys.executable).with_name("vod-batch")
    environment = {k: v for k, v in console.environment.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [beside, "selftest", "--rounds", "1"], cwd=console.home, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
