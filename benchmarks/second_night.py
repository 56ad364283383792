"""A night started while another one holds the lock: how long until it ends with 75.

.venv/bin/python -m benchmarks.second_night [--starts 10]
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import common

_LOCK_HELD = 75
_WANTED_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0


@contextlib.contextmanager
def _busy_night(
    environment: dict[str, str], inbox: Path, cloud: common.HttpServer
) -> Iterator[int]:
    """Keep a night in the middle of its submits for the block; yield its process id."""
    common.write_manifest(inbox / "first.csv", 20_000)
    with common.start(environment, "nightly", str(inbox)) as night:
        try:
            latest = time.monotonic() + _PATIENCE_SECONDS
            while not cloud.meter()["jobs"]:
                if night.poll() is not None or time.monotonic() > latest:
                    raise RuntimeError("the first night does not get to its submits")
                time.sleep(0.05)
            yield night.pid
        finally:
            night.kill()


def _start_a_second(environment: dict[str, str], inbox: Path, holder: int) -> float:
    """Start one more night and see it refused; return the seconds from its start to its end."""
    command = [sys.executable, "-m", "batch", "nightly", str(inbox)]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != _LOCK_HELD or f"pid {holder}" not in done.stderr:
        raise RuntimeError(f"the second night ended with {done.returncode}: {done.stderr}")
    return seconds


def _measure(folder: Path, starts: int, *, embedded: bool) -> list[float]:
    home, inbox = folder / ("home" if embedded else "other"), folder / "inbox"
    inbox.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        words = ("--port", "0", "--qps", "30")
        cloud = stack.enter_context(common.http_server("batch.emulator", *words))
        settings = {"VOD_BATCH_ENDPOINT": cloud.url, "VOD_BATCH_SETTLED_AFTER": "1ms"}
        settings["VOD_BATCH_PREFLIGHT"] = "false"
        if not embedded:
            settings["VOD_BATCH_DATABASE_URL"] = stack.enter_context(common.embedded_postgres(home))
        environment = common.clean_environment(home, **settings)
        if not embedded:
            subprocess.run(
                [sys.executable, "-m", "batch", "migrate"], env=environment, check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        holder = stack.enter_context(_busy_night(environment, inbox, cloud))
        return [_start_a_second(environment, inbox, holder) for _ in range(starts)]


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Start a night while another one runs.")
    parser.add_argument("--starts", type=int, default=10, help="second nights to start (10)")
    starts = parser.parse_args().starts
    checks = []
    with common.work_folder() as folder:
        for name, embedded in (("VOD_BATCH_DATABASE_URL", False), ("embedded database", True)):
            times = sorted(_measure(folder, starts, embedded=embedded))
            print(f"{name}: {starts} starts, {times[0]:.2f} s to {times[-1]:.2f} s, each ended 75")
            holds = times[-1] <= _WANTED_SECONDS
            wanted = f"<= {_WANTED_SECONDS:g} s"
            checks.append(common.Check(f"slowest, {name}", f"{times[-1]:.2f} s", wanted, holds))
    print()
    return common.verdict(checks)


if __name__ == "__main__":
    sys.exit(main())
