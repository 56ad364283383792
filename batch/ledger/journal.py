"""The second record: intents and answers in an append-only file a worker, fsynced.

PostgreSQL may be away when an answer comes, or come back from a backup that never heard of it. The
journal knows; it is read into PostgreSQL at the next start (``engine/recovery.py``).

A line is the CRC-32 of its text in eight hex digits, a space, one JSON object, a line feed. A torn
last line is what a crash leaves, and is no record.
"""

import contextlib
import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from uuid import UUID

from batch.core.models import Claim, JobType, RunId, Target
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.errors import ConfigurationError, UnavailableError

SUFFIX = ".journal"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_VERDICT_FIELDS = tuple(each.name for each in fields(Verdict))
_verdict_values = attrgetter(*_VERDICT_FIELDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer came to for one submission of an intent."""

    job_type: JobType
    verdict: Verdict


@dataclass(slots=True)
class Intent:
    """One request that was about to be sent, with the answers that came."""

    worker: RunId
    account: str
    region: str
    nonce: str
    signed_at: datetime
    media_id: str
    config_key: str
    campaign: str
    config: str | None
    user_data: str | None
    types: tuple[JobType, ...]
    answers: list[Answer] = field(default_factory=list)


def intent_of(claim: Claim, worker: RunId, target: Target) -> Intent:
    """Return the intent of a claim, unanswered, as the journal of ``worker`` would hold it."""
    return Intent(
        worker=worker,
        account=target.account,
        region=target.region,
        nonce=claim.nonce,
        signed_at=claim.signed_at,
        media_id=claim.media_id,
        config_key=claim.config_key,
        campaign=claim.campaign,
        config=claim.config,
        user_data=claim.user_data,
        types=claim.types,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a journal file holds from some byte on.

    ``end`` is the end of its last whole line; ``damaged_lines`` are whole lines that cannot be
    read; ``is_torn`` when the file ends within a line, which is no damage.
    """

    worker: RunId
    path: Path
    intents: tuple[Intent, ...]
    end: int
    damaged_lines: int
    is_torn: bool


class Journal:
    """The file that this worker writes; locked while the worker lives."""

    def __init__(self, folder: Path, worker: RunId, target: Target) -> None:
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
        return _line(
            {
                "intent": claim.nonce,
                "signed_at": claim.signed_at.isoformat(),
                "account": self._target.account,
                "region": self._target.region,
                "media_id": claim.media_id,
                "types": list(claim.types),
                "config_key": claim.config_key,
                "campaign": claim.campaign,
                "config": claim.config,
                "user_data": claim.user_data,
            }
        )

    def answer_line(self, claim: Claim, verdicts: Sequence[Verdict]) -> bytes:
        """Return the line of what came of a claim."""
        types = {member.id: member.job_type.value for member in claim.members}
        return _line(
            {
                "answer": claim.nonce,
                "verdicts": [{"type": types[v.submission_id], **_fields(v)} for v in verdicts],
            }
        )

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


def journal_files(folder: Path) -> list[Path]:
    """Return the journals in ``folder``, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime, path.name))


def worker_of(path: Path) -> RunId | None:
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


def read_journal(path: Path, worker: RunId, start: int = 0) -> Reading:
    """Read the whole lines from byte ``start`` on.

    An answer whose intent lies before ``start`` brings its intent along from there.
    """
    known: dict[str, Intent] = {}
    touched: dict[str, Intent] = {}
    damaged = place = 0
    is_torn = False
    end = start
    with path.open("rb") as file:
        for raw in file:
            place += len(raw)
            if not raw.endswith(b"\n"):
                is_torn = True
                break
            entry = _entry(raw)
            if place > start:
                end = place
                damaged += entry is None
            intent = _take(known, entry, worker) if entry else None
            if intent and place > start:
                touched[intent.nonce] = intent
    return Reading(worker, path, tuple(touched.values()), end, damaged, is_torn)


def _take(known: dict[str, Intent], entry: dict[str, object], worker: RunId) -> Intent | None:
    """Add one entry to what is known; return the intent that it speaks of."""
    if "intent" in entry:
        intent = _intent(entry, worker)
        known[intent.nonce] = intent
        return intent
    found = known.get(str(entry["answer"]))
    if found:
        verdicts = entry["verdicts"]
        assert isinstance(verdicts, list)
        found.answers.extend(_answer(dict(item)) for item in verdicts)
    return found


def _intent(entry: dict[str, object], worker: RunId) -> Intent:
    types = entry["types"]
    assert isinstance(types, list)
    return Intent(
        worker=worker,
        account=str(entry["account"]),
        region=str(entry["region"]),
        nonce=str(entry["intent"]),
        signed_at=datetime.fromisoformat(str(entry["signed_at"])),
        media_id=str(entry["media_id"]),
        config_key=str(entry["config_key"]),
        campaign=str(entry["campaign"]),
        config=_text(entry["config"]),
        user_data=_text(entry["user_data"]),
        types=tuple(JobType(name) for name in types),
    )


def _answer(item: dict[str, object]) -> Answer:
    job_type = JobType(str(item.pop("type")))
    further = item.pop("further_job_ids")
    assert isinstance(further, list)
    to_state = State(str(item.pop("to_state")))
    verdict = Verdict(**item, to_state=to_state, further_job_ids=tuple(further))  # type: ignore[arg-type]
    return Answer(job_type, verdict)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _fields(verdict: Verdict) -> dict[str, object]:
    return dict(zip(_VERDICT_FIELDS, _verdict_values(verdict), strict=True))


def _line(entry: dict[str, object]) -> bytes:
    text = _encode(entry).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _entry(raw: bytes) -> dict[str, object] | None:
    checksum, _, text = raw.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
