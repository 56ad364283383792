"""Lists of which something is wrong, in a night: each is named in the morning, with what to do."""

import os
from pathlib import Path

from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media


def _drop(inbox: Path, name: str, text: str) -> None:
    (inbox / name).write_text(text, encoding="utf-8")
    os.utime(inbox / name, (0, 0))  # whole


def test_quarantined_lines_need_a_person_and_come_back_as_advised(make_shift: MakeShift) -> None:
    """The night ends with 3 and says which file to mend and where to put it: that works."""
    shift = make_shift()
    _drop(shift.inbox, "a.csv", f"media_id,types\n{media(1)},tag\n{media(2)},foo\n")
    told = shift.run(code=3).stdout
    kept = shift.inbox / "done" / "a.csv.quarantine.csv"
    assert f"mend the column raw in {kept}, then move that file into the inbox" in told
    assert f"    mv {kept} {shift.inbox}" in told
    _drop(shift.inbox, kept.name, kept.read_text().replace(",foo", ",tag"))
    kept.unlink()
    shift.run(code=0)
    assert shift.states() == {"succeeded": 2}


def test_a_list_of_which_nothing_loads_is_no_success(make_shift: MakeShift) -> None:
    """It lies in failed/ with its reason and its bad lines; the list beside it is worked on."""
    shift = make_shift()
    _drop(shift.inbox, "a.csv", "media_id\nNULL\nNULL\n")
    _drop(shift.inbox, "b.csv", f"{media(1)}\n")
    told = shift.run(code=3).stdout
    assert "a.csv: NOT LOADED, 2 of 2 lines" in told
    assert {path.name for path in (shift.inbox / "failed").iterdir()} == {
        "a.csv", "a.csv.error.txt", "a.csv.quarantine.csv",
    }  # fmt: skip
    assert shift.states() == {"succeeded": 1}


def test_what_is_no_list_is_named(make_shift: MakeShift) -> None:
    """A workbook, half a download, a file without an ending and a folder stay, each with why."""
    shift = make_shift()
    for name in ("a.xlsx", "b.csv.part", "c"):
        (shift.inbox / name).write_bytes(b"x")
    (shift.inbox / "d").mkdir()
    told = shift.run(code=0).stdout
    assert "a.xlsx: not taken, a workbook; save it as CSV" in told
    assert "b.csv.part: not taken, its name says that it is not whole" in told
    assert "c: not taken, a list's name ends in .csv" in told
    assert "d: not taken, a folder" in told
    assert {path.name for path in shift.inbox.iterdir()} >= {"a.xlsx", "b.csv.part", "c", "d"}
