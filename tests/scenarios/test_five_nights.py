"""Five nights under a moved clock, as anybody can run them."""

import subprocess
import sys


def test_five_nights_come_out_even() -> None:
    """Every row accounted for, cost as the cloud charged it, no night over its budget."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.five_nights"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
