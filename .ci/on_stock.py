"""Run a command of vod-batch on a stock PostgreSQL of this machine, made for it and gone after it.

Usage: python .ci/on_stock.py selftest --rounds 50

Without a stock PostgreSQL (Debian's package ``postgresql``) it says so and fails.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.postgres import make_system_user  # noqa: E402
from tests.support.stock import find_binaries, stock_server  # noqa: E402


def main() -> int:
    """Run the command that the arguments name; return its exit code."""
    binaries = find_binaries()
    if binaries is None:
        sys.stderr.write("no stock PostgreSQL here: install Debian's package postgresql\n")
        return 69
    sys.stdout.write(f"on the PostgreSQL of {binaries}\n")
    sys.stdout.flush()
    make_system_user()
    with stock_server() as stock:
        url = stock.server.url("postgres")
        command = [sys.executable, "-m", "batch", *sys.argv[1:], "--database-url", url]
        return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
