"""The standard streams, however a shell, a service manager or a full disk left them."""

import io
import os
import sys

from batch.errors import UnavailableError


class _Results(io.FileIO):
    """Standard output; a disk that is full is an error with a message, a reader gone is not."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UnavailableError(
                f"cannot write the results to standard output: {error.strerror}; what was done "
                "stands: fix that, then see vod-batch status"
            ) from error


class _Logs(io.FileIO):
    """Standard error; what cannot be logged must not stop paid work."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return len(memoryview(data).cast("B"))  # type: ignore[arg-type]


def prepare_streams() -> None:
    """Make both output streams safe to write to, whatever is behind them.

    A closed one is opened on nothing: its number would go to the next file or connection, and
    into that a child process would write. Characters that the locale lacks are escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = _text(_Results(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Logs(2, "w", closefd=False), sys.stderr)


def drop_results() -> None:
    """Let what is left in standard output's buffer go nowhere, or Python complains at its end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def _text(raw: io.FileIO, old: "io.TextIOBase | object") -> io.TextIOWrapper:
    encoding = getattr(old, "encoding", None) or "utf-8"
    lines = raw.isatty() or raw.fileno() == 2
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=lines
    )
