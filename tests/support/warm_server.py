"""A process that has imported the product, and forks a command from itself for whoever asks.

Usage: python warm_server.py SOCKET. It ends when its standard input does.

A command started by ``python -m batch`` spends most of its time on imports; a fork has them. It has
one thread and has run nothing: no command was called, no event loop made, no environment read.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_REQUEST_BYTES = 1 << 20
_READ_AT_IMPORT = ("alibabacloud_credentials",)
"""Modules that read the environment when they are imported: left to the command."""

_ENTRIES = {"batch": "batch.__main__", "batch.emulator": "batch.emulator.server"}
"""By program: the module whose ``main`` runs it."""


def main() -> None:
    """Serve until standard input ends; a fork returns from here as the command."""
    sys.path.remove(str(Path(__file__).parent))  # its names are not the product's
    _import_product()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{sys.argv[1]}.new")
    listener.listen(64)
    Path(f"{sys.argv[1]}.new").rename(sys.argv[1])  # whoever sees it is served
    if program := _serve(listener):
        _end(_run(importlib.import_module(_ENTRIES[program]).main))


def _run(program: Callable[[], int]) -> int:
    """Return the code that ``program`` would end its process with."""
    try:
        return program()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0


def _end(code: int) -> None:
    """End as ``sys.exit`` does, but for taking every imported module apart.

    That would copy every page of the process forked from: two thirds of a short command's time.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import_product() -> None:
    import batch

    for module in pkgutil.walk_packages(batch.__path__, "batch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    read = [name for name in sys.modules if name.startswith(_READ_AT_IMPORT)]
    assert not read, f"imported before the environment is known: {read}"
    gc.collect()
    gc.freeze()  # or the first collection of each fork would copy every page


def _serve(listener: socket.socket) -> str:
    """Fork for each request and tell it how its child ended; in a child return its program."""
    children: dict[int, socket.socket] = {}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        for source in (listener, reading, 0):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if 0 in ready:
                os._exit(0)
            if reading in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(reading, 1024)
                _tell_ends(children)
            if listener in ready and (program := _fork(listener, children)):
                os.close(reading)
                os.close(writing)
                return program


def _tell_ends(children: dict[int, socket.socket]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with children.pop(pid) as connection, contextlib.suppress(OSError):
                connection.sendall(struct.pack("q", os.waitstatus_to_exitcode(status)))


def _fork(listener: socket.socket, children: dict[int, socket.socket]) -> str:
    connection, _ = listener.accept()
    text, descriptors, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, 3)
    if not text:
        connection.close()
        return ""
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        children[pid] = connection
        connection.sendall(struct.pack("q", pid))
        return ""
    listener.close()
    connection.close()
    for other in children.values():
        other.close()
    asked = json.loads(text)
    _become(asked, descriptors)
    return str(asked["program"])


def _become(asked: dict[str, Any], descriptors: list[int]) -> None:
    """Be a process that was just started with these words, this environment and these streams."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = ["vod-batch", *asked["words"]]
    sys.stdin = _stream(0, "r")
    sys.stdout = _stream(1, "w")
    sys.stderr = _stream(2, "w")


def _stream(number: int, mode: str) -> io.TextIOWrapper:
    errors = "backslashreplace" if number == 2 else "strict"
    raw = io.FileIO(number, mode, closefd=False)
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=number == 2)


if __name__ == "__main__":
    main()
