"""Commands that are forked from a process which has imported the product already.

What a command does at its start is shown by the real ones (``Console.started``, and those that
change what a Python reads once); the others need it done, many times a minute.
"""

import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.support.waiting import eventually

_READ_AT_THE_START = ("PYTHON", "LC_", "LANG")
"""Variables that a Python reads once, when it starts."""


def can_fork_for(environment: Mapping[str, str]) -> bool:
    """Tell whether a fork is like a start for a command in ``environment``."""

    def at_the_start(where: Mapping[str, str]) -> dict[str, str]:
        return {name: v for name, v in where.items() if name.startswith(_READ_AT_THE_START)}

    return at_the_start(environment) == at_the_start(os.environ)


def run_forked(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command as :func:`subprocess.run` does. Raises subprocess.TimeoutExpired."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        line = stack.enter_context(socket.socket(socket.AF_UNIX))
        line.connect(_server())
        asked = {"words": [*words], "cwd": str(cwd), "environment": dict(env)}
        socket.send_fds(line, [json.dumps(asked).encode()], [file.fileno() for file in files])
        told = b""
        while select.select([line], [], [], timeout)[0]:
            more = line.recv(64)
            told += more
            if not more:
                break
        else:
            os.kill(int(told.splitlines()[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired([*words], timeout)
        _, code = told.splitlines()
        for file in files[1:]:
            file.seek(0)
        return subprocess.CompletedProcess([*words], int(code), files[1].read(), files[2].read())


_ends: list[Callable[[], None]] = []


def end_forking() -> None:
    """End the process that forks, if there is one."""
    while _ends:
        _ends.pop()()


@functools.cache
def _server() -> str:
    """Start the process that forks; return where it listens."""
    folder = Path(tempfile.mkdtemp(prefix="vw"))
    path = folder / "s"
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_server.py")), str(path)],
        stdin=subprocess.PIPE,
        cwd="/",
    )

    def end() -> None:
        assert process.stdin
        process.stdin.close()
        process.wait()
        path.unlink(missing_ok=True)
        folder.rmdir()

    _ends.append(end)
    eventually(path.exists, "the process that forks commands", within=60)
    return str(path)
