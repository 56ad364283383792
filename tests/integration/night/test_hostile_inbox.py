"""An inbox that something is wrong with: each ends in a line or two, and no list is lost."""

import asyncio
import os
from pathlib import Path

import pytest

from batch.errors import ConfigurationError
from batch.night.inbox import Inbox
from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media


def _whole(inbox: Path, name: str = "a.csv") -> Path:
    path = inbox / name
    path.write_text(f"{media(1)}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["done", "failed"])
def test_a_file_where_a_folder_is_needed(make_shift: MakeShift, name: str) -> None:
    """Said before anything is loaded or sent."""
    shift = make_shift()
    shift.drop("a.csv", range(3))
    (shift.inbox / name).touch()
    ended = shift.run(code=78)
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"vod-batch: files cannot be moved into {shift.inbox / name}; make it")
    assert shift.states() == {}


def test_any_file_name_that_the_disk_takes(make_shift: MakeShift) -> None:
    """Names are bytes; neither the ledger nor the report stumbles, and the others load too."""
    shift = make_shift()
    names = [b"\xff.csv", b"new\nline.csv", b"\xe5\x90\x8d.csv"]
    for number, name in enumerate(names):
        shift.drop(os.fsdecode(name), [number])
    report = shift.run().stdout
    assert shift.states() == {"succeeded": 3}
    assert r"inbox/\xff.csv: 1 new" in report
    assert r"inbox/new\nline.csv: 1 new" in report
    assert {os.fsencode(path.name) for path in (shift.inbox / "done").iterdir()} == {
        name + ending for name in names for ending in (b"", b".results.csv")
    }


def test_results_that_cannot_be_written_are_reported(make_shift: MakeShift) -> None:
    """Here the list's name is as long as names may be; all the rest of the night stands."""
    shift = make_shift()
    shift.drop("x" * 251 + ".csv", range(2))
    ended = shift.run()
    assert shift.states() == {"succeeded": 2}
    assert ended.stdout.splitlines()[1:3] == [
        "- the results of batch 1 could not be written (File name too long); get them by",
        "    vod-batch export --batch 1",
    ]


def test_a_list_replaced_while_it_is_loaded_stays(tmp_path: Path) -> None:
    """Only what was loaded is put away; the new list is the next night's."""
    path = _whole(tmp_path)
    inbox = Inbox(tmp_path, 0)
    (arrival,) = inbox.arrivals()
    _whole(tmp_path, "b.csv").replace(path)
    assert inbox.put_away(arrival) is None
    assert path.exists()


def test_a_list_taken_away_is_no_error(tmp_path: Path) -> None:
    """Before it is loaded or after: whoever took it has it."""
    path = _whole(tmp_path)
    inbox = Inbox(tmp_path, 0)
    (arrival,) = inbox.arrivals()
    path.unlink()
    assert inbox.put_away(arrival) is None
    inbox.fail(path, "cannot read it")
    assert inbox.arrivals() == []


async def test_lists_that_come_and_go_while_the_folder_is_read(tmp_path: Path) -> None:
    """A sender that tidies up after itself ends no night."""
    inbox = Inbox(tmp_path, 0)

    def churn() -> None:
        for number in range(2000):
            _whole(tmp_path, f"{number % 50}.csv").unlink()

    churning = asyncio.create_task(asyncio.to_thread(churn))
    while not churning.done():
        await asyncio.to_thread(inbox.arrivals)


def test_a_list_that_cannot_be_moved_is_a_configuration_error(tmp_path: Path) -> None:
    """The folder it should go to became a file in between."""
    path = _whole(tmp_path)
    inbox = Inbox(tmp_path, 0)
    (arrival,) = inbox.arrivals()
    (tmp_path / "done").touch()
    (tmp_path / "failed").touch()
    with pytest.raises(ConfigurationError, match=r"cannot move .*a\.csv to .*done: File exists"):
        inbox.put_away(arrival)
    with pytest.raises(ConfigurationError, match=r"cannot move .*a\.csv to .*failed: File exists"):
        inbox.fail(path, "cannot read it")


def test_a_textfile_that_cannot_be_written_is_reported(make_shift: MakeShift) -> None:
    """Or an alert would say that no night ran, and nothing why."""
    shift = make_shift(VOD_BATCH_TEXTFILE="/nowhere/night.prom")
    told = shift.run().stderr
    assert '"event": "textfile_not_written"' in told
    assert "/nowhere/night.prom: No such file or directory" in told
