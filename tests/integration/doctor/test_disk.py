"""The journal's disk: written to and synced, with nothing left behind."""

from pathlib import Path

import pytest

from batch.doctor.disk import check_journal, file_system

memory = pytest.mark.skipif(
    file_system(Path("/dev/shm")) != "tmpfs", reason="there is no tmpfs here"
)


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    """Written, synced, left as it was."""
    found = check_journal(tmp_path, wanted=1)
    assert found.code == 0
    assert f"{tmp_path}: writes, syncs, " in found.detail
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_made(tmp_path: Path) -> None:
    """It is not made now."""
    found = check_journal(tmp_path / "a" / "b", wanted=1)
    assert found.code == 0
    assert "can be made" in found.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/journal", "file"])
def test_something_in_its_place(tmp_path: Path, place: str) -> None:
    """A file is no folder: code 78, as a run would end."""
    (tmp_path / "file").write_text("")
    found = check_journal(tmp_path / place)
    assert (found.grade, found.code) == ("bad", 78)
    assert "VOD_BATCH_JOURNAL" in found.fix


def test_a_folder_that_takes_no_file() -> None:
    """Not even from root."""
    assert check_journal(Path("/proc/journal")).code == 78


def test_too_little_space(tmp_path: Path) -> None:
    """Little is a warning, far too little is code 78."""
    assert check_journal(tmp_path, needed=1 << 60).code == 78
    found = check_journal(tmp_path, wanted=1 << 60)
    assert (found.grade, found.code) == ("warning", 0)


@memory
def test_memory_is_no_disk() -> None:
    """It takes everything, and forgets it with the machine."""
    found = check_journal(Path("/dev/shm/vod-batch-journal"), wanted=1)
    assert (found.grade, found.code) == ("warning", 0)
    assert "tmpfs" in found.detail


@memory
def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    """Not of the one above."""
    assert file_system(Path("/dev/shm/a/b")) == "tmpfs"
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/")) not in ("", "tmpfs", "proc")
