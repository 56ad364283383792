"""Inputs: names, globs, hashes."""

import hashlib
import io
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from batch.core.models import JobType
from batch.errors import UsageError
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions
from batch.intake.sources import expand_inputs, file_sha256, is_quarantine_name, spooled

OPTIONS = IntakeOptions((JobType.MEDIA_DNA,), frozenset(JobType), "cn-shanghai")


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.csv", "a.csv", "c[1].csv", "b.csv.quarantine.csv", "b.csv.quarantine-2.csv"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "sub.csv").mkdir()
    (tmp_path / "link.csv").symlink_to("a.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_globs_are_sorted_and_leave_out_directories_and_quarantine_files(inbox: Path) -> None:
    assert expand_inputs(["*.csv"]) == ["a.csv", "b.csv", "c[1].csv"]
    assert expand_inputs([str(inbox / "b*")]) == [str(inbox / "b.csv")]


def test_one_real_file_is_read_once(inbox: Path) -> None:
    arguments = ["b.csv", "-", "link.csv", "a.csv", str(inbox / "b.csv"), "-", "*.csv"]
    assert expand_inputs(arguments) == ["b.csv", "-", "link.csv", "c[1].csv"]


@pytest.mark.usefixtures("inbox")
def test_name_that_exists_is_no_pattern_and_may_be_a_quarantine_file() -> None:
    names = ["c[1].csv", "b.csv.quarantine.csv"]
    assert expand_inputs(names) == names


@pytest.mark.usefixtures("inbox")
@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("*.tsv", "no file matches '*.tsv'"),
        ("sub*", "no file matches 'sub*'"),
        ("sub.csv", "'sub.csv' is a directory; name its files, such as 'sub.csv/*.csv'"),
        ("missing.csv", "there is no file 'missing.csv'"),
        ("", "a name of a file is empty"),
        ("a\0b", "'a\\x00b'"),
        ("x" * 5000, "cannot read"),
    ],
)
def test_unusable_argument_is_a_usage_error(argument: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        expand_inputs(["a.csv", argument])
    assert told in str(caught.value)


@pytest.mark.usefixtures("inbox")
def test_unreadable_file_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(UsageError, match=r"cannot read 'a\.csv': permission denied"):
        expand_inputs(["a.csv"])


def test_file_sha256_is_that_of_the_stored_bytes(inbox: Path) -> None:
    assert file_sha256(inbox / "a.csv") == hashlib.sha256(b"x\n").hexdigest()
    with pytest.raises(UsageError, match="cannot read"):
        file_sha256(inbox / "missing")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("a.csv.quarantine.csv", True),
        ("a.quarantine-12.csv", True),
        ("a.quarantine-x.csv", False),
        ("quarantine.csv", False),
    ],
)
def test_quarantine_names_are_known(name: str, ours: bool) -> None:
    assert is_quarantine_name(name) is ours


def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Hashing would use it up (as of ``load <(...)``), and an empty list would be loaded."""
    pipe = tmp_path / "list.csv"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="can be read only once; pipe it into"):
        file_sha256(pipe)


def test_a_spooled_pipe_is_read_again_from_its_start() -> None:
    read, write = os.pipe()
    os.write(write, b"m1\nm2\nm 3\n")
    os.close(write)
    with open(read, "rb") as pipe, spooled(pipe) as spool:  # noqa: PTH123
        status = os.fstat(spool.fileno())
        assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o600, 0)
        manifest = Manifest(None, OPTIONS, stream=spool)
        sha256 = manifest.stored_sha256()
        for _ in range(2):
            chunks = list(manifest.chunks())
            assert [one for chunk in chunks for one in chunk.media_ids] == ["m1", "m2"]
            assert (manifest.sha256, manifest.facts.quarantined) == (sha256, 1)


def test_a_spool_has_no_name_while_it_is_filled(tmp_path: Path) -> None:
    """So a process that is killed leaves none, either."""
    script = "import sys; from batch.intake.sources import *; spooled(sys.stdin.buffer)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment) as process:
        assert process.stdin
        process.stdin.write(b"m1\n" * 2**20)  # more than pipe and buffers hold
        process.stdin.flush()
        opened = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert any(link.startswith(str(tmp_path)) for link in opened)
        assert list(tmp_path.iterdir()) == []
        process.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_without_room_is_a_usage_error() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(UsageError, match="set TMPDIR to a folder with room"):
            spooled(io.BytesIO(b"m1\n" * 2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_closed_standard_input_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="standard input is closed"):
        spooled(None)
