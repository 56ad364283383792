"""An operator's word for what a start stops at, as ``vod-batch doctor --accept NAME`` gives it."""

import subprocess
import sys

from tests.support.console import Console


def accept(console: Console, module: str, name: str) -> str:
    """Let ``accept_<name>`` of ``batch/engine/<module>.py`` go on; return what it says."""
    program = (
        "import asyncio; from batch.settings import load_settings; "
        f"from batch.engine.{module} import accept_{name} as accept; "
        "print(asyncio.run(accept(load_settings())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=console.environment, cwd=console.home,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
