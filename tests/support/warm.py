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
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.support.measuring import SWITCH, starting_unmeasured
from tests.support.waiting import eventually

_READ_AT_THE_START = ("PYTHON", "LC_", "LANG")
"""Variables that a Python reads once, when it starts."""


def can_fork_for(environment: Mapping[str, str]) -> bool:
    """Tell whether a fork is like a start for a command in ``environment``."""

    def at_the_start(where: Mapping[str, str]) -> dict[str, str]:
        return {name: v for name, v in where.items() if name.startswith(_READ_AT_THE_START)}

    return at_the_start(environment) == at_the_start(os.environ)


class Forked:
    """A command that was forked, with what tests use of a ``subprocess.Popen``."""

    def __init__(self, words: Sequence[str], line: socket.socket, stdout: IO[str] | None) -> None:
        """``line`` is the one on which its pid and its exit code come."""
        self.args = [*words]
        self.stdout = stdout
        self.returncode: int | None = None
        self._line = line
        self.pid = self._number()

    def _number(self) -> int:
        (number,) = struct.unpack("q", self._line.recv(8, socket.MSG_WAITALL))
        return int(number)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._number()
        return self.returncode

    def poll(self) -> int | None:
        """Return its exit code, or ``None`` while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Return what it prints until it ends, within ``timeout`` seconds after that."""
        assert self.stdout
        told = self.stdout.read()
        self.wait(timeout)
        return told, None

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End it, if it still runs."""
        self.kill()
        self.wait()
        self._line.close()
        if self.stdout:
            self.stdout.close()


def fork(
    words: Sequence[str],
    files: Sequence[int],
    *,
    cwd: Path,
    env: Mapping[str, str],
    program: str = "batch",
    stdout: IO[str] | None = None,
) -> Forked:
    """Start ``python -m program`` with the descriptors that shall be its standard streams.

    It leads a session of its own. ``stdout`` is where the test reads what it prints.
    """
    line = socket.socket(socket.AF_UNIX)
    line.connect(_server_for(program, words))
    asked = {"program": program, "words": [*words], "cwd": str(cwd), "environment": dict(env)}
    socket.send_fds(line, [json.dumps(asked).encode()], files)
    return Forked([program, *words], line, stdout)


_measured: Counter[tuple[str, ...]] = Counter()
_ENOUGH = 3


def _server_for(program: str, words: Sequence[str]) -> str:
    """Return where to ask for a fork: one that is measured, while its kind is new.

    The same command with the same options reaches much the same lines, and to be measured costs
    more than most commands themselves.
    """
    kind = (
        program,
        *words[:1],
        *sorted(word.partition("=")[0] for word in words if word[:1] == "-"),
    )
    _measured[kind] += 1
    if _measured[kind] <= _ENOUGH:
        return _server(os.environ.get(SWITCH))
    with starting_unmeasured():
        return _server(None)


@contextmanager
def forked(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    program: str = "batch",
    stderr: int | None = None,
) -> Iterator[Forked]:
    """Fork a command whose ``stdout`` is piped; it is killed when the block leaves it."""
    reading, writing = os.pipe()
    stdout = os.fdopen(reading, encoding="utf-8")
    with os.fdopen(writing, "wb"), Path(os.devnull).open("r+b", buffering=0) as nothing:
        null = nothing.fileno()
        files = (null, writing, null if stderr is None else stderr)
        command = fork(words, files, cwd=cwd, env=env, program=program, stdout=stdout)
    with closing(command):
        yield command


def run_forked(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command as :func:`subprocess.run` does. Raises subprocess.TimeoutExpired."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        command = fork(words, [file.fileno() for file in files], cwd=cwd, env=env)
        stack.enter_context(closing(command))
        code = command.wait(timeout)
        for file in files[1:]:
            file.seek(0)
        return subprocess.CompletedProcess(command.args, code, files[1].read(), files[2].read())


_ends: list[Callable[[], None]] = []


def end_forking() -> None:
    """End the process that forks, if there is one."""
    while _ends:
        _ends.pop()()


@functools.cache
def _server(_switch: str | None) -> str:
    """Start the process that forks, one that is measured and one that is not; return where."""
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
