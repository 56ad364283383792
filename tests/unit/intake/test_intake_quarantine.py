"""The quarantine file: complete under its name, or not there at all."""

import csv
from pathlib import Path

import pytest

from batch.errors import UsageError
from batch.intake.model import QuarantinedLine
from batch.intake.quarantine import QuarantineWriter

FIRST = QuarantinedLine(2, "bad media id: 'a b'", 'a b,"x\ny"')
SECOND = QuarantinedLine(7, "the line holds a NUL character", "=1+1\0é")


def write(directory: Path, *lines: QuarantinedLine) -> QuarantineWriter:
    with QuarantineWriter(directory, "media.csv") as writer:
        for line in lines:
            writer.write([line])
    return writer


def test_lines_stand_raw_under_the_name_of_the_input(tmp_path: Path) -> None:
    writer = write(tmp_path / "new", FIRST, SECOND)
    path = tmp_path / "new" / "media.csv.quarantine.csv"
    assert (writer.path, writer.count) == (path, 2)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "raw"],
            ["2", FIRST.reason, FIRST.raw],
            ["7", SECOND.reason, SECOND.raw],
        ]
    assert b"\r" not in path.read_bytes()


def test_no_line_no_file(tmp_path: Path) -> None:
    writer = QuarantineWriter(tmp_path / "new", "media.csv")
    writer.write([])
    assert writer.close() is None
    assert not (tmp_path / "new").exists()


def test_file_has_its_name_only_when_complete(tmp_path: Path) -> None:
    writer = QuarantineWriter(tmp_path, "media.csv")
    writer.write([FIRST])
    assert not list(tmp_path.glob("media*"))
    assert writer.close() == writer.close() == tmp_path / "media.csv.quarantine.csv"
    assert [path.name for path in tmp_path.iterdir()] == ["media.csv.quarantine.csv"]


def test_same_content_is_kept_and_other_content_is_left_alone(tmp_path: Path) -> None:
    paths = [write(tmp_path, *lines).path for lines in ([FIRST], [SECOND], [FIRST], [SECOND])]
    assert [path.name for path in paths if path] == [
        "media.csv.quarantine.csv",
        "media.csv.quarantine-1.csv",
        "media.csv.quarantine.csv",
        "media.csv.quarantine-1.csv",
    ]
    assert len(list(tmp_path.iterdir())) == 2


def fail_midway(directory: Path) -> None:
    with QuarantineWriter(directory, "media.csv") as writer:
        writer.write([FIRST])
        raise KeyboardInterrupt


def test_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_midway(tmp_path)
    assert not list(tmp_path.iterdir())


def test_directory_that_takes_no_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = QuarantineWriter(tmp_path / "file", "media.csv")
    with pytest.raises(UsageError, match=r"cannot write a quarantine file .* --quarantine DIR"):
        writer.write([FIRST])


def test_name_that_the_file_system_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    writer = QuarantineWriter(tmp_path, "x" * 250)
    writer.write([FIRST])
    with pytest.raises(UsageError, match="name too long"):
        writer.close()
    assert not list(tmp_path.iterdir())


def test_half_of_a_surrogate_pair_is_written_escaped(tmp_path: Path) -> None:
    writer = write(tmp_path, QuarantinedLine(1, "r", "a\ud800"))
    assert writer.path is not None
    assert writer.path.read_text(encoding="utf-8").endswith("1,r,a\\ud800\n")
