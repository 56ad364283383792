"""The second record: what is written is read back, whatever the crash and the disk did to it."""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from batch.core.models import Claim, ClaimedSubmission, JobType, Target
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.errors import ConfigurationError
from batch.ledger.journal import Journal, journal_files, lock_dead, read_journal, worker_of

TARGET = Target(1, "acc", "cn-shanghai")
SIGNED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DNA, TAG = JobType.MEDIA_DNA, JobType.VIDEO_TAG


def _claim(number: int = 1, *types: JobType) -> Claim:
    return Claim(
        media_id=f"m{number}",
        config='{"AnalyseTypes":"ASR"}',
        user_data='{"Extend":"雪\\n\u2028"}',
        nonce=f"{number:032x}",
        signed_at=SIGNED_AT,
        members=tuple(
            ClaimedSubmission(10 * number + place, 3, job_type, 1, f"key {place}")
            for place, job_type in enumerate(types or (DNA,))
        ),
        campaign="again",
        access_key_id="key",
    )


def _verdict(claim: Claim, job_id: str, place: int = 0) -> Verdict:
    member = claim.members[place]
    return Verdict(
        member.id, member.lease, "accepted", State.SUBMITTED, 200, None, "雪", "R", job_id,
        ("more", "and more"), 0.5, counts=False,
    )  # fmt: skip


class Written:
    """A journal being written by this process."""

    def __init__(self, folder: Path) -> None:
        self.worker = uuid4()
        self.journal = Journal(folder, self.worker, TARGET)
        self.path = self.journal.path

    def intend(self, *claims: Claim) -> None:
        """Write what is about to be sent."""
        self.journal.append([self.journal.intent_line(claim) for claim in claims])

    def answer(self, claim: Claim, *verdicts: Verdict) -> None:
        """Write what came of it."""
        self.journal.append([self.journal.answer_line(claim, verdicts)])

    def nonces(self) -> list[str]:
        """Return what a reader finds."""
        return [intent.nonce for intent in read_journal(self.path, self.worker).intents]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """A journal in a folder that does not exist yet."""
    written = Written(tmp_path / "deep" / "journal")
    yield written
    written.journal.close()


def test_what_is_written_is_read_back_whole(written: Written) -> None:
    """Every field of an intent and of its answers survives, line feeds and snow included."""
    both, alone = _claim(1, DNA, TAG), _claim(2)
    written.intend(both, alone)
    written.answer(both, _verdict(both, "j1"), _verdict(both, "j2", 1))
    reading = read_journal(written.path, written.worker)
    assert (reading.end, reading.damaged_lines, reading.is_torn) == (
        written.path.stat().st_size, 0, False
    )  # fmt: skip
    first, second = reading.intents
    assert first.answers[0].verdict == _verdict(both, "j1")
    assert [(a.job_type, a.verdict.job_id) for a in first.answers] == [(DNA, "j1"), (TAG, "j2")]
    assert (second.types, second.answers) == ((DNA,), [])
    assert (first.worker, first.account, first.region) == (written.worker, "acc", "cn-shanghai")
    assert first.config_keys == {DNA: "key 0", TAG: "key 1"}
    for name in ("nonce", "signed_at", "media_id", "campaign", "config", "user_data", "types",
                 "access_key_id"):  # fmt: skip
        assert getattr(first, name) == getattr(both, name), name


def test_a_journal_of_before_is_read(written: Written) -> None:
    """It had one configuration key for all types of a request."""
    written.intend(_claim(1, DNA, TAG))
    entry = json.loads(written.path.read_bytes()[9:])
    del entry["config_keys"]
    text = json.dumps(entry | {"config_key": "k"}).encode()
    written.path.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    [intent] = read_journal(written.path, written.worker).intents
    assert intent.config_keys == {DNA: "k", TAG: "k"}


def test_an_older_line_names_no_key(written: Written) -> None:
    """It is read all the same; what it began is never sent once more."""
    text = written.journal.intent_line(_claim()).split(b" ", 1)[1].rstrip(b"\n")
    older = text.replace(b',"access_key_id":"key"', b"")
    assert older != text
    written.journal.append([b"%08x %s\n" % (zlib.crc32(older), older)])
    [intent] = read_journal(written.path, written.worker).intents
    assert (intent.access_key_id, intent.media_id) == (None, "m1")


def test_a_torn_last_line_is_no_record_and_no_damage(written: Written) -> None:
    """Wherever a crash cuts the last line, the lines before it stand and nothing counts as bad."""
    written.intend(_claim(1))
    whole = written.path.stat().st_size
    written.intend(_claim(2))
    text = written.path.read_bytes()
    for cut in range(whole, len(text)):
        written.path.write_bytes(text[:cut])
        reading = read_journal(written.path, written.worker)
        assert [intent.media_id for intent in reading.intents] == ["m1"]
        assert (reading.end, reading.damaged_lines) == (whole, 0)
        assert reading.is_torn is (cut > whole)


def test_a_damaged_line_is_counted_and_the_rest_is_read(written: Written) -> None:
    """Any changed byte of a line is found by its checksum; the lines beside it stand."""
    written.intend(_claim(1))
    start = written.path.stat().st_size
    written.intend(_claim(2))
    end = written.path.stat().st_size
    written.intend(_claim(3))
    text = written.path.read_bytes()
    for place in range(start, end - 1):
        changed = bytearray(text)
        changed[place] ^= 0x01
        written.path.write_bytes(changed)
        reading = read_journal(written.path, written.worker)
        assert reading.damaged_lines >= 1, place
        assert [intent.media_id for intent in reading.intents] == ["m1", "m3"], place


def test_an_answer_is_read_with_its_intent(written: Written) -> None:
    """Reading on from a mark, an answer to an earlier intent is not lost."""
    early, late = _claim(1), _claim(2)
    written.intend(early, _claim(3))
    mark = written.path.stat().st_size
    written.intend(late)
    written.answer(early, _verdict(early, "j"))
    reading = read_journal(written.path, written.worker, mark)
    assert [(intent.media_id, len(intent.answers)) for intent in reading.intents] == [
        ("m2", 0), ("m1", 1)
    ]  # fmt: skip
    end = written.path.stat().st_size
    assert read_journal(written.path, written.worker, end).intents == ()


def test_an_answer_can_be_read_alone(written: Written) -> None:
    """Where the line of its intent is damaged, a paid job is still known, and whose it is."""
    both = _claim(1, DNA, TAG)
    written.intend(both)
    end = written.path.stat().st_size
    written.answer(both, _verdict(both, "j1"), _verdict(both, "j2", 1))
    text = bytearray(written.path.read_bytes())
    text[end // 2] ^= 0x01
    written.path.write_bytes(text)
    reading = read_journal(written.path, written.worker)
    assert reading.damaged_lines == 1
    [intent] = reading.intents
    assert [(a.job_type, a.verdict.job_id) for a in intent.answers] == [(DNA, "j1"), (TAG, "j2")]
    assert intent.config_keys == {DNA: "key 0", TAG: "key 1"}
    for name in ("nonce", "signed_at", "media_id", "campaign", "config", "user_data", "types",
                 "access_key_id"):  # fmt: skip
        assert getattr(intent, name) == getattr(both, name), name


def test_no_flipped_bit_goes_unnoticed(written: Written) -> None:
    """One bit of each byte is turned once, the last line feed too: all are damage."""
    claim = _claim(1)
    written.intend(claim)
    written.answer(claim, _verdict(claim, "j1"))
    text = written.path.read_bytes()
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1 << place % 8
        written.path.write_bytes(changed)
        reading = read_journal(written.path, written.worker)
        assert reading.damaged_lines, place
        assert not reading.is_torn


def test_what_a_newer_program_wrote_is_damage_to_this_one(written: Written) -> None:
    """A line that is whole and says what we do not know is not passed over in silence."""
    line = written.journal.intent_line(_claim(1)).partition(b" ")[2].rstrip(b"\n")
    line = line.replace(b"AIMediaDNA", b"AIMediaNew")
    written.journal.append([b"%08x %s\n" % (zlib.crc32(line), line)])
    written.intend(_claim(2))
    reading = read_journal(written.path, written.worker)
    assert (reading.damaged_lines, len(reading.intents)) == (1, 1)


_FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from uuid import UUID
from batch.core.models import Claim, ClaimedSubmission, JobType, Target
from batch.errors import ExitCode, UnavailableError
from batch.ledger.journal import Journal
from datetime import UTC, datetime

def claim(number):
    member = ClaimedSubmission(number, 1, JobType.MEDIA_DNA, 0)
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Claim(f"m{number}", None, None, f"{number:032x}", when, (member,))

journal = Journal(Path(sys.argv[1]), UUID(sys.argv[2]), Target(1, "acc", "cn-shanghai"))
lines = [journal.intent_line(claim(number)) for number in range(4)]
journal.append(lines[:1])
full = len(lines[0]) + len(lines[1]) // 2
resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
try:
    journal.append(lines[1:3])
except UnavailableError as error:
    assert error.exit_code is ExitCode.UNAVAILABLE
    assert "VOD_BATCH_JOURNAL" in str(error), error
else:
    sys.exit("the disk took it")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(lines[3:])
"""


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """What the disk cut off is taken away again; later lines are read, nothing is damaged."""
    worker = uuid4()
    words = [sys.executable, "-c", _FILL_THE_DISK, str(tmp_path), str(worker)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reading = read_journal(tmp_path / f"{worker}.journal", worker)
    assert [intent.media_id for intent in reading.intents] == ["m0", "m3"]
    assert (reading.damaged_lines, reading.is_torn) == (0, False)


def test_a_journal_is_dead_once_its_writer_lets_go(written: Written) -> None:
    """The lock says that the writer lives, to any process and to this one."""
    with lock_dead(written.path) as is_dead:
        assert not is_dead
    written.journal.close()
    with lock_dead(written.path) as is_dead:
        assert is_dead
        with lock_dead(written.path) as is_free_for_another:
            assert not is_free_for_another
    written.journal = Written(written.path.parent).journal


_WRITE_AND_WAIT = """
import sys
from pathlib import Path
from uuid import UUID
from batch.core.models import Target
from batch.ledger.journal import Journal
journal = Journal(Path(sys.argv[1]), UUID(sys.argv[2]), Target(1, "acc", "cn-shanghai"))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_writer_is_dead_at_once(tmp_path: Path) -> None:
    """The kernel lets go of the lock with the process: no pid, no age, no guess."""
    worker = uuid4()
    words = [sys.executable, "-c", _WRITE_AND_WAIT, str(tmp_path), str(worker)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        path = tmp_path / f"{worker}.journal"
        with lock_dead(path) as is_dead:
            assert not is_dead
        writer.kill()
        writer.wait()
        with lock_dead(path) as is_dead:
            assert is_dead


def test_a_folder_that_cannot_be_written_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """The message names the folder and the setting; a second writer of one file is refused too."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="VOD_BATCH_JOURNAL"):
        Journal(tmp_path / "file" / "journal", uuid4(), TARGET)
    first = Written(tmp_path)
    with pytest.raises(ConfigurationError):
        Journal(tmp_path, first.worker, TARGET)
    first.journal.close()


def test_only_journals_are_taken_for_journals(tmp_path: Path) -> None:
    """Other files are left alone; a journal's name is its worker's id."""
    worker = UUID(int=7)
    for name in (f"{worker}.journal", "notes.journal", "README"):
        (tmp_path / name).touch()
    found = {path.name: worker_of(path) for path in journal_files(tmp_path)}
    assert found == {f"{worker}.journal": worker, "notes.journal": None}
    assert journal_files(tmp_path / "none") == []


def test_an_answer_of_an_earlier_program_is_read_and_is_not_certain(tmp_path: Path) -> None:
    """It does not say whether it proves that no job exists: then it proves nothing."""
    written, claim = Written(tmp_path), _claim()
    member = claim.members[0]
    refused = Verdict(member.id, member.lease, "refused", State.REJECTED, 400, is_certain=True)
    written.intend(claim)
    line = written.journal.answer_line(claim, (refused,))
    text = line[9:-1].replace(b',"is_certain":true', b"")
    assert len(text) < len(line) - 20
    written.journal.append([line, b"%08x %s\n" % (zlib.crc32(text), text)])
    (intent,) = read_journal(written.path, written.worker).intents
    assert [answer.verdict for answer in intent.answers] == [
        refused, replace(refused, is_certain=False),
    ]  # fmt: skip
