"""The second record: intents and answers in an append-only file a worker, fsynced.

PostgreSQL may be away when an answer comes, or come back from a backup that is older. The
journal knows; it is read into PostgreSQL at the next start (``ledger/recovery.py``).

Its lines are those of ``journal_lines.py``. A torn last line is what a crash leaves, and is no
record; any other line that cannot be read is damage.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from batch.core.models import Claim, Target, WorkerId
from batch.core.verdict import Verdict
from batch.errors import ConfigurationError, UnavailableError
from batch.ledger.journal_lines import Intent, answer_line, intent_line, read_line, take

SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a journal file holds from some byte on.

    ``end`` is the end of its last whole line; ``damaged_lines`` are whole lines that cannot be
    read; ``is_torn`` when the file ends within a line, which is no damage.
    """

    worker: WorkerId
    path: Path
    intents: tuple[Intent, ...]
    end: int
    damaged_lines: int
    is_torn: bool


class Journal:
    """The file that this worker writes; locked while the worker lives."""

    def __init__(self, folder: Path, worker: WorkerId, target: Target) -> None:
        """Make the worker's file in ``folder``.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        self._target = target
        self.path = folder / f"{worker}{SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_DSYNC
            self._file = os.open(self.path, flags, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(folder)
        except OSError as error:
            raise ConfigurationError(
                f"the journal folder {folder} cannot be written ({error.strerror}); name one that "
                "lasts with VOD_BATCH_JOURNAL"
            ) from error

    def close(self) -> None:
        """Let go of the file; it stays for the next start."""
        os.close(self._file)

    def intent_line(self, claim: Claim) -> bytes:
        """Return the line of a claim that is about to be sent."""
        return intent_line(claim, self._target)

    def answer_line(self, claim: Claim, verdicts: Sequence[Verdict]) -> bytes:
        """Return the line of what came of a claim."""
        return answer_line(claim, verdicts, self._target)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write ``lines`` and return when the disk has them.

        Raises:
            UnavailableError: the disk does not take them.
        """
        data = b"".join(lines)
        start = os.lseek(self._file, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])  # O_DSYNC: it waits for the disk
        except OSError as error:
            # Half a line in the middle of the file would read as damage later on.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, start)
            raise UnavailableError(
                f"the journal {self.path} cannot be written ({error.strerror}); nothing is sent "
                "without it: free the disk, or name another folder with VOD_BATCH_JOURNAL"
            ) from error


class LateJournal:
    """The journal of who seldom sends: a reconcile, whose replays are paid too. Its first use makes
    it, under a worker's id of its own.
    """

    def __init__(self, folder: Path, target: Target) -> None:
        self._folder = folder
        self._target = target
        self._journal: Journal | None = None

    async def prepare(self) -> None:
        """Be sure that an answer can be kept; to be done before a request is sent.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        if self._journal is None:
            self._journal = await asyncio.to_thread(Journal, self._folder, uuid4(), self._target)

    async def keep(self, claim: Claim, verdicts: Sequence[Verdict]) -> None:
        """Write what came of a claim, and return when the disk has it.

        Raises:
            UnavailableError: the disk does not take it.
        """
        await self.prepare()
        assert self._journal
        line = self._journal.answer_line(claim, verdicts)
        await asyncio.to_thread(self._journal.append, [line])

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if self._journal:
            self._journal.close()


def journal_files(folder: Path) -> list[Path]:
    """Return the journals in ``folder``, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime, path.name))


def worker_of(path: Path) -> WorkerId | None:
    """Return whose journal ``path`` is, or ``None`` when its name is not one of ours."""
    try:
        return UUID(path.name.removesuffix(SUFFIX))
    except ValueError:
        return None


@contextlib.contextmanager
def lock_dead(path: Path) -> Iterator[bool]:
    """Hold the journal of a dead worker; say no when its worker lives, or another holds it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_dead = False
        else:
            is_dead = True
        yield is_dead
    finally:
        os.close(handle)


def read_journal(path: Path, worker: WorkerId, start: int = 0) -> Reading:
    """Read the whole lines from byte ``start`` on.

    An answer whose intent lies before ``start`` is returned with its intent from there.
    """
    known: dict[str, Intent] = {}
    touched: dict[str, Intent] = {}
    damaged = place = 0
    is_torn = False
    end = start
    with path.open("rb") as file:
        for raw in file:
            place += len(raw)
            is_whole = raw.endswith(b"\n")
            is_torn = not is_whole and not _lost_its_end(raw)
            if is_torn:
                break
            intent = _read(raw[:-1], known, worker) if is_whole else None
            if place > start:
                end = place
                damaged += intent is None
            if intent and place > start:
                touched[intent.nonce] = intent
    return Reading(worker, path, tuple(touched.values()), end, damaged, is_torn)


def _read(line: bytes, known: dict[str, Intent], worker: WorkerId) -> Intent | None:
    """Return the intent that a line is about, ``None`` when that cannot be read."""
    try:
        entry = read_line(line)
        return take(known, entry, worker) if entry else None
    except (ValueError, KeyError, TypeError, AssertionError):
        return None  # whole, and yet not ours to read: a newer program's


def _lost_its_end(raw: bytes) -> bool:
    """Return whether only its line feed is damaged: a crash cuts a line, it changes no byte."""
    return read_line(raw[:-1]) is not None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
