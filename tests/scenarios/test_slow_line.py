"""Connections that open late and a PostgreSQL that answers late, as anybody can run them."""

import subprocess
import sys

import pytest


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--workers", "1", "--jitter", "0", "--media", "120"), id="connections"),
        pytest.param(("--workers", "4", "--media", "200"), id="both"),
    ],
)
def test_the_quota_holds_over_a_slow_line(words: tuple[str, ...]) -> None:
    """No call is throttled, and no second at the server holds more than the quota."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.slow_line", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
