"""Each benchmark runs, small: on a busy machine what it measures says little, that it runs does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pooler import find_pgbouncer
from tests.support.stock import find_binaries

BENCHMARKS = Path("benchmarks")
SMALL = {
    "begin_depth": "--rows 20000",
    "database_away": "--seconds 1",
    "failover": "--rounds 1 --media 30",
    "faults_and_kills": "--media 100 --every 1",
    "load_rate": "--rows 5000",
    "parse_rate": "--rows 5000",
    "second_night": "--starts 1",
    "statements": "--rows 20000",
    "strict_rate": "--media 60 --pending 500 --server stock --pooler --snapshot --priced",
    "survivors": "--seconds 2",
    "throughput": "--calls 200 --in-flight 8",
}
RUN_BY_OTHER_TESTS = {
    "__init__", "bare_server", "common", "five_nights", "moved_clock", "seeded", "slow_line",
}  # fmt: skip
NEED_STOCK = {"failover", "statements", "strict_rate"}


def test_every_benchmark_is_run_by_a_test() -> None:
    """One that nobody runs rots."""
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == {*SMALL, *RUN_BY_OTHER_TESTS}


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name: str) -> None:
    """It comes to its verdict, whichever."""
    if name in NEED_STOCK and not (find_binaries() and find_pgbouncer()):
        pytest.skip("no stock PostgreSQL and PgBouncer here (.ci/run installs them, as root)")
    words = [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name].split()]
    done = subprocess.run(words, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.splitlines()[-1] in ("PASS", "FAIL")
