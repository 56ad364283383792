"""PostgreSQL comes back from an older backup: the journal knows, nothing is paid again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batch.errors import ExitCode
from tests.support.accepting import accept
from tests.support.cloud import Emulator
from tests.support.console import KEY, Console
from tests.support.ledger import media, write_csv
from tests.support.postgres import Server

BOTH = "AIMediaDNA,AIVideoTag"
MEDIA = 12


@dataclass
class Office:
    """A database that can be backed up and restored, and the command line on it."""

    server: Server
    url: str
    console: Console
    emulator: Emulator
    manifest: Path

    @property
    def name(self) -> str:
        """The database's name."""
        return urlsplit(self.url).path[1:]

    def back_up(self) -> None:
        """Keep the database as it is now."""
        self.server.psql(f"CREATE DATABASE {self.name}_backup TEMPLATE {self.name}")

    def restore(self) -> None:
        """Bring the database back to how it was."""
        self.server.psql(f"DROP DATABASE {self.name} WITH (FORCE)")
        self.server.psql(f"CREATE DATABASE {self.name} TEMPLATE {self.name}_backup")

    def load(self) -> None:
        """Load the list."""
        self.console.run("load", str(self.manifest))

    def states(self, account: str = "default") -> dict[str, int]:
        """Return how many submissions of an account stand where."""
        told = self.server.psql(
            "SELECT s.state, count(*) FROM submissions s JOIN targets t ON t.id = s.target_id "
            f"WHERE t.account = '{account}' GROUP BY s.state",
            self.name,
        )
        return {state: int(n) for state, n in (line.split("|") for line in told.splitlines())}

    def check(self, code: ExitCode) -> str:
        """Compare journal and database; the exit code must be ``code``."""
        return self.console.run("journal", "check", code=code).stdout

    def journal(self) -> Path:
        """Return the one journal that is there."""
        [path] = (self.console.home / ".vod-batch" / "journal").glob("*.journal")
        return path

    def flip_a_bit(self, line: int) -> None:
        """Damage one line of the journal, as an old disk does."""
        lines = self.journal().read_bytes().splitlines(keepends=True)
        lines[line] = lines[line][:40] + bytes([lines[line][40] ^ 0x01]) + lines[line][41:]
        self.journal().write_bytes(b"".join(lines))

    def accept(self, name: str) -> str:
        """Do what ``vod-batch doctor --accept NAME`` does; return what it says."""
        return accept(self.console, name)

    def assert_paid_once(self) -> None:
        """Every media and type has its one job, and the ledger knows it or is in doubt."""
        jobs = self.emulator.jobs()
        assert len(jobs) == len({(job["media_id"], job["type"]) for job in jobs}) == 2 * MEDIA
        told = self.server.psql(
            "SELECT media_id, job_type, state, job_id FROM submissions", self.name
        )
        rows = {tuple(line.split("|")[:2]): line.split("|")[2:] for line in told.splitlines()}
        for job in jobs:
            state, job_id = rows[job["media_id"], job["type"]]
            assert job_id == job["job_id"] or state == "in_doubt"


@pytest.fixture
def office(
    postgres: Server, database_url: str, emulator: Emulator, tmp_path: Path
) -> Iterator[Office]:
    """A list of media, not loaded yet, and an empty ledger."""
    home = tmp_path / "home"
    home.mkdir()
    settings = {
        "VOD_BATCH_DATABASE_URL": database_url, "VOD_BATCH_ENDPOINT": emulator.url,
        "VOD_BATCH_QPS": "1000", "VOD_BATCH_SETTLE": "1ms", "VOD_BATCH_HEARTBEAT_TIMEOUT": "2s",
    }  # fmt: skip
    manifest = write_csv(tmp_path / "list.csv", (media(n) for n in range(MEDIA)), BOTH)
    office = Office(postgres, database_url, Console(home, settings | KEY), emulator, manifest)
    yield office
    postgres.psql(f"DROP DATABASE IF EXISTS {office.name}_backup WITH (FORCE)")


def test_the_backup_of_before_the_run_is_brought_up_to_date(office: Office) -> None:
    """The list is there, the run forgotten: the next submit knows every JobId and sends nothing."""
    office.load()
    office.back_up()
    office.console.run("submit")
    office.restore()
    assert office.states() == {"pending": 2 * MEDIA}
    told = office.check(ExitCode.DONE_WITH_DOUBTS)
    assert f"{2 * MEDIA} that PostgreSQL forgot" in told
    assert office.states() == {"pending": 2 * MEDIA}, "a check changes nothing"
    office.console.run("submit")
    assert office.emulator.submits() == MEDIA
    assert office.states() == {"submitted": 2 * MEDIA}
    office.check(ExitCode.DONE)
    office.assert_paid_once()
    office.console.run("reconcile", "--once")
    assert office.states() == {"succeeded": 2 * MEDIA}


def test_the_backup_of_the_middle_of_a_run_is_brought_up_to_date(office: Office) -> None:
    """Half of the answers were in the backup; the other half comes from the journal."""
    office.load()
    office.console.run("submit", "--max-submissions", str(MEDIA), code=ExitCode.CARRIED_OVER)
    office.back_up()
    office.console.run("submit")
    office.restore()
    assert office.states() == {"pending": MEDIA, "submitted": MEDIA}
    office.console.run("submit")
    assert office.states() == {"submitted": 2 * MEDIA}
    assert office.emulator.submits() == MEDIA
    office.assert_paid_once()


@pytest.mark.parametrize("first", ["load", "submit"])
def test_a_backup_without_the_list_is_brought_up_to_date(office: Office, first: str) -> None:
    """The batch itself is gone; list or run first, nothing is paid."""
    office.back_up()
    office.load()
    office.console.run("submit")
    office.restore()
    assert office.states() == {}
    if first == "load":
        office.load()
        office.console.run("submit")
    else:
        office.console.run("submit")
        office.load()
    office.console.run("submit")
    assert office.emulator.submits() == MEDIA
    assert office.states() == {"submitted": 2 * MEDIA}
    office.assert_paid_once()


def test_doubts_are_remembered_as_doubts(office: Office) -> None:
    """A lost answer is in the journal as a lost answer: in doubt again, found by the look-up."""
    office.load()
    office.back_up()
    for number in range(4):
        office.emulator.fault("accept_then_drop", media_id=media(number), count=1)
    office.console.run("submit", code=ExitCode.DONE_WITH_DOUBTS)
    office.restore()
    office.console.run("submit", code=ExitCode.DONE_WITH_DOUBTS)
    assert office.states() == {"in_doubt": 8, "submitted": 2 * MEDIA - 8}
    office.console.run("reconcile", "--once")
    assert office.states() == {"succeeded": 2 * MEDIA}
    office.assert_paid_once()


def test_reconcile_reads_the_journal_too(office: Office) -> None:
    """Nothing need be submitted for the ledger to remember."""
    office.load()
    office.back_up()
    office.console.run("submit")
    office.restore()
    office.console.run("reconcile", "--once")
    assert office.states() == {"succeeded": 2 * MEDIA}
    office.assert_paid_once()


def test_a_journal_that_is_known_is_not_read_again(office: Office) -> None:
    """Repeating a start changes nothing: neither leases nor history grow."""
    office.load()
    office.console.run("submit")
    ask = "SELECT sum(lease), (SELECT count(*) FROM submission_history) FROM submissions"
    before = office.server.psql(ask, office.name)
    office.console.run("submit")
    assert office.server.psql(ask, office.name) == before


def test_a_journal_of_another_target_is_left_alone(office: Office) -> None:
    """Another account's start neither takes over these requests nor hides them from their own."""
    office.load()
    office.back_up()
    office.console.run("submit")
    office.restore()
    other = office.console.having(VOD_BATCH_ACCOUNT="other")
    other.run("submit")
    assert office.states("other") == {}
    assert office.states() == {"pending": 2 * MEDIA}
    office.console.run("submit")
    assert office.states() == {"submitted": 2 * MEDIA}
    assert office.states("other") == {}
    office.assert_paid_once()


def test_without_a_journal_nothing_is_sent(office: Office, tmp_path: Path) -> None:
    """A folder that cannot be written ends the command with 78 before the first request."""
    office.load()
    (tmp_path / "file").touch()
    nowhere = office.console.having(VOD_BATCH_JOURNAL=tmp_path / "file" / "journal")
    ended = nowhere.run("submit", code=ExitCode.CONFIGURATION)
    assert "VOD_BATCH_JOURNAL" in ended.stderr
    assert office.emulator.submits() == 0
    assert office.states() == {"pending": 2 * MEDIA}


def test_a_damaged_journal_is_reported(office: Office) -> None:
    """A line that cannot be read is counted, and the check does not end with 0."""
    office.load()
    office.console.run("submit")
    office.flip_a_bit(3)
    told = office.check(ExitCode.DONE_WITH_DOUBTS)
    assert "1 damaged lines" in told
    assert "doctor --accept journal" in told


@pytest.mark.parametrize("line", [0, -1], ids=["an intent", "an answer"])
def test_a_flipped_bit_stops_the_start_until_it_is_accepted(office: Office, line: int) -> None:
    """One damaged line and a restored backup: nothing is sent; once accepted, nothing paid twice.

    Of an intent's line the answer still knows everything; an answer's line leaves a doubt, which
    the look-up settles.
    """
    office.load()
    office.back_up()
    office.console.run("submit")
    office.restore()
    office.flip_a_bit(line)
    for command in ("submit", "reconcile"):
        ended = office.console.run(command, code=ExitCode.CONFIGURATION)
        assert "doctor --accept journal" in ended.stderr
    assert office.emulator.submits() == MEDIA
    assert "1 damaged lines" in office.accept("journal")
    office.console.run("submit", code=None)
    office.console.run("reconcile", "--once", code=None)
    office.console.run("submit")
    assert office.emulator.submits() == MEDIA
    office.assert_paid_once()
    assert "1 damaged lines" in office.check(ExitCode.DONE)
    assert "nothing to accept" in office.accept("journal")


def test_another_machines_forgotten_worker_stops_the_start(office: Office, tmp_path: Path) -> None:
    """Our journal brings our part back; theirs is missing until their machine has been there."""
    there = replace(office.console, home=tmp_path / "there")
    there.home.mkdir()
    office.load()
    office.back_up()
    there.run("submit", "--max-submissions", str(MEDIA), code=ExitCode.CARRIED_OVER)
    office.console.run("submit")
    assert office.emulator.submits() == MEDIA
    office.restore()
    for _ in range(2):
        told = office.console.run("submit", code=ExitCode.CONFIGURATION).stderr
        assert "doctor --accept failover" in told
    assert office.emulator.submits() == MEDIA
    there.run("submit")
    office.console.run("submit")
    assert office.emulator.submits() == MEDIA
    office.assert_paid_once()


def test_a_forgotten_worker_of_another_machine_can_be_accepted(
    office: Office, tmp_path: Path
) -> None:
    """The other machine is gone for good: an operator's word, given once, lets the start go on."""
    there = replace(office.console, home=tmp_path / "there")
    there.home.mkdir()
    office.load()
    office.console.run("submit")
    office.back_up()
    there.run("submit")
    office.console.run("submit")
    office.restore()
    office.console.run("submit", code=ExitCode.CONFIGURATION)
    assert "accepted" in office.accept("failover")
    office.console.run("submit")
    assert "nothing to accept" in office.accept("failover")
