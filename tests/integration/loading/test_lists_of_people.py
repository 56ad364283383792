"""Lists as people, spreadsheets and other programs make them: what loads, what is said, the code.

The files lie in ``lists``, each named for its kind; the neighbours are written here.
"""

import bz2
import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batch.errors import ExitCode
from tests.support.console import Console, Ended
from tests.support.ledger import media

FILES = Path(__file__).with_name("lists")
A, B = "0a1b2c3d4e5f60718293a4b5c6d7e8f0", "1123456789abcdef0123456789abcdef"
BOTH = f"{A},x\n{B},y\n"


@dataclass(frozen=True)
class Outcome:
    """What a person sees of a load: the media, the bad lines, some words, the exit code."""

    media: tuple[str, ...] = ()
    quarantined: int = 0
    says: tuple[str, ...] = ()
    code: ExitCode = ExitCode.DONE
    options: tuple[str, ...] = field(default=())
    types: str = "AIMediaDNA"


REFUSED = ExitCode.USAGE
OF_FILES = {
    "F2_UserData.csv": Outcome((A,), says=("columns: media id, user_data",)),
    "F2_type_column.csv": Outcome((A,), says=("columns: media id, types",), types="AIVideoTag"),
    "F3_hdr_zh.csv": Outcome((A, B), says=("ignored      columns 标题",)),
    "F3_searchmedia.json.csv": Outcome((A, B), says=("JSON, utf-8",)),
    "F3_sep.csv": Outcome((A, B), says=("CSV with semicolons", "2 of the header, 2 good")),
    "F4_null.csv": Outcome(
        quarantined=7,
        says=("7 of 8 lines", "50 %", "'NULL' is a word for nothing", "nothing of it was loaded"),
        code=REFUSED,
    ),
    "F4_repeat.csv": Outcome((A, B), quarantined=1, says=("1 quarantined",)),
    "F5_trailing.csv": Outcome((A, B)),
    "F8_cp932.csv": Outcome(says=("is not utf-8", "--encoding shift_jis"), code=REFUSED),
    "F8_bom_with_encoding.csv": Outcome((A,), says=("utf-8",), options=("--encoding", "gb18030")),
    "F9_apostrophe.csv": Outcome((A, B), says=("2  ids that stood in quotes",)),
    "F9_zero_width.csv": Outcome(
        (A, B, "e8d3f1b0c2a44f6f9d1e2f3a4b5c6d7e", "9f9f9f9f0000111122223333444455ff"),
        says=("4  ids that stood in quotes",),
    ),
}


def _ids(count: int) -> str:
    return "".join(f"{media(number)}\n" for number in range(count))


MANY = tuple(media(number) for number in range(12))
NEIGHBOURS: dict[str, tuple[bytes, Outcome]] = {
    "a stray quote, closed 500 lines later": (
        f'media_id,title\n{A},"Director cut\n'.encode()
        + "".join(f"{media(number)},t\n" for number in range(12)).encode()
        + f'{B},12" disc"\n'.encode(),
        Outcome((*MANY, B), 1, ("13 good, 1 quarantined",)),
    ),
    "a title of two lines": (f'media_id,title\n{A},"x\ny"\n{B},z\n'.encode(), Outcome((A, B))),
    "id, title": (f"id,title\n{BOTH}".encode(), Outcome((A, B))),
    "a number beside the id": (f"id,videoId\n1,{A}\n2,{B}\n".encode(), Outcome((A, B))),
    "pandas wrote its index": (f",media_id\n0,{A}\n1,{B}\n".encode(), Outcome((A, B))),
    "Video ID": (f"Title\tVideo ID\nx\t{A}\n".encode("utf-16"), Outcome((A,), says=("tabs",))),
    "full width": (f"ＭＥＤＩＡ＿ＩＤ,x\n{BOTH}".encode(), Outcome((A, B))),
    "Japanese": (f"メディアID,題名\n{BOTH}".encode(), Outcome((A, B))),
    "JobType": (f"MediaId,JobType\n{A},aivideotag\n".encode(), Outcome((A,), types="AIVideoTag")),
    "a type that says something else": (
        f"media_id,type\n{A},movie\n{B},series\n".encode(),
        Outcome(says=("unknown type: 'movie'",), quarantined=2, code=REFUSED),
    ),
    "nearly a column of ours": (
        f"media_id,priorty\n{A},1\n".encode(),
        Outcome(says=("'priorty'; did you mean priority?",), code=REFUSED),
    ),
    "no column of ids": (
        f"asset,title\n{BOTH}".encode(),
        Outcome(says=("'asset', 'title'", "--column"), code=REFUSED),
    ),
    "no header, two columns": (BOTH.encode(), Outcome(says=("--column",), code=REFUSED)),
    "two delimiters": (
        f"a;b, c\n{A};x, y\n".encode(), Outcome(says=("no column of media ids",), code=REFUSED)
    ),
    "pipes": (f"media_id|title\n{A}|x, y\n".encode(), Outcome((A,), says=("pipes",))),
    "a title of one column": (f"Assets\n{_ids(12)}".encode(), Outcome(MANY, 1)),
    "a date among the ids": (f"media_id\n{A}\n2026-11-27\n{B}\n".encode(), Outcome((A, B), 1)),
    "cut in the last line": (f"media_id\n{A}\n{B[:20]}".encode(), Outcome((A,), 1)),
    "cut before the type": (f"media_id,types\n{A},tag\n{B}".encode(), Outcome((A,), 1,
        types="AIVideoTag")),
    "cut within the type": (f"media_id,types\n{A},tag\n{B},AIVid".encode(), Outcome((A,), 1,
        types="AIVideoTag")),
    "an id unlike the rest": (
        f"media_id\n{_ids(12)}holiday_2024\n".encode(),
        Outcome((*MANY, "holiday_2024"), says=("1 of 13 ids are unlike the rest", "line 14")),
    ),
    "a formula, brackets, quotes": (
        f'media_id\n="{A}"\n“[{B}]”\n'.encode(), Outcome((A, B), says=("2  ids that stood",))
    ),
    "JSON": (json.dumps([A, {"videoId": B}]).encode(), Outcome((A, B))),
    "what GetVideoList answers": (
        json.dumps({"Total": 2, "VideoList": {"Video": [{"VideoId": A}, {"VideoId": B}]}}).encode(),
        Outcome((A, B)),
    ),
    "what GetVideoInfos answers": (
        json.dumps({"VideoList": [{"VideoId": A}], "NonExistVideoIds": [B]}, indent=1).encode(),
        Outcome((A,)),
    ),
    "pages, one a line": (
        "".join(
            json.dumps({"MediaList": [{"MediaId": one, "MediaType": "video"}]}) + "\n"
            for one in (A, B)
        ).encode(),
        Outcome((A, B), says=("JSONL",)),
    ),
    "an image": (
        json.dumps([{"MediaId": A, "MediaType": "image"}, {"MediaId": B}]).encode(),
        Outcome((B,), 1),
    ),
    "JSON cut short": (
        json.dumps([A, B]).encode()[:-8], Outcome(says=("cut short or broken",), code=REFUSED)
    ),
    "a web page": (
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        Outcome(says=("a web page",), code=REFUSED),
    ),
    "one line of 3 MB": (
        b"x" * 3_000_000, Outcome(quarantined=1, says=("1 of 1 lines",), code=REFUSED)
    ),
    "a workbook": (b"PK\x03\x04rest", Outcome(says=("Excel", "Save As"), code=REFUSED)),
    "an old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Outcome(says=("(.xls)",), code=REFUSED)
    ),
    "zstd": (b"\x28\xb5\x2f\xfdrest", Outcome(says=("zstd -d",), code=REFUSED)),
    "bzip2": (bz2.compress(A.encode()), Outcome(says=("bunzip2",), code=REFUSED)),
    "PDF": (b"%PDF-1.7 rest", Outcome(says=("a PDF",), code=REFUSED)),
    "gzip twice": (
        gzip.compress(gzip.compress(A.encode())), Outcome(says=("gunzip",), code=REFUSED)
    ),
    "cp932 under its other name": (
        f"media_id,①\n{BOTH}".encode("cp932"),
        Outcome((A, B), says=("cp932",), options=("--encoding", "shift_jis")),
    ),
    "gb18030 as gbk": (
        f"media_id,€㐀\n{BOTH}".encode("gb18030"),
        Outcome((A, B), options=("--encoding", "gbk")),
    ),
    "half of it bad": (f"media_id\n{A}\nb c\n".encode(), Outcome((A,), 1)),
    "more than half of it bad": (
        f"media_id\n{A}\nb c\nd e\n".encode(),
        Outcome(quarantined=2, says=("2 of 3 lines", "--max-bad 50 %"), code=REFUSED),
    ),
    "any share is good enough": (
        f"media_id\n{A}\nb c\nd e\n".encode(), Outcome((A,), 2, options=("--max-bad", "100"))
    ),
    "none is": (
        f"media_id\n{A}\n{B}\nb c\n".encode(),
        Outcome(quarantined=1, says=("1 of 3 lines",), options=("--strict",), code=REFUSED),
    ),
    "nothing today": (b"media_id,title\n", Outcome(says=("1 of the header",))),
    "an empty file": (b"", Outcome(says=("the list is empty",))),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_FILES)
def test_a_case(console: Console, name: str) -> None:
    _assert_outcome(console, name, (FILES / name).read_bytes(), OF_FILES[name])


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour(console: Console, name: str) -> None:
    data, outcome = NEIGHBOURS[name]
    _assert_outcome(console, "list.csv", data, outcome)


def test_every_case_is_told() -> None:
    assert {path.name for path in FILES.iterdir()} == OF_FILES.keys()


def _assert_outcome(console: Console, name: str, data: bytes, outcome: Outcome) -> None:
    (console.home / name).write_bytes(data)
    ended = console.run("load", name, *outcome.options, code=outcome.code)
    for words in outcome.says:
        assert words in ended.stdout + ended.stderr, ended
    exported = _exported(console)
    assert [row["media_id"] for row in exported] == list(outcome.media)
    assert {row["type"] for row in exported} <= {outcome.types}
    kept = console.home / f"{name}.quarantine.csv"
    told = list(csv.DictReader(io.StringIO(kept.read_text()))) if kept.exists() else []
    assert len([row for row in told if row["reason"] != "the header of the list"]) == (
        outcome.quarantined
    )


def _exported(console: Console) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(console.run("export").stdout)))


def test_what_was_mended_in_the_quarantine_comes_back(console: Console) -> None:
    """Under the list's own header, with its own columns; what is still bad stays out."""
    path = console.home / "list.csv"
    path.write_text(f"title;types;media_id\nx;tag;{A}\n;tag;a b\n;foo;{B}\n\nx;tag;{A}\n")
    console.run("load", "list.csv")
    kept = path.with_name("list.csv.quarantine.csv")
    kept.write_text(kept.read_text().replace(";foo;", ";tag;"))
    again = console.run("load", kept.name)
    assert "1 of the header, 1 good, 1 quarantined" in again.stdout
    assert [(row["media_id"], row["type"]) for row in _exported(console)] == [
        (A, "AIVideoTag"), (B, "AIVideoTag"),
    ]  # fmt: skip


def test_an_export_of_ours_is_the_same_work(console: Console) -> None:
    """Same media, type, configuration and campaign: nothing is new, under whatever flags."""
    (console.home / "list.csv").write_text(
        f'media_id,types,config\n{A},tag,"{{""a"":1}}"\n{B},dna,\n'
    )
    console.run("load", "list.csv", "--campaign", "spring")
    (console.home / "other.csv").write_text(f"{A}\n")
    console.run("load", "other.csv")
    (console.home / "out.csv").write_text(console.run("export").stdout)
    again = console.run("load", "out.csv", "--type", "AIMediaDNA", "--campaign", "autumn", "--json")
    found = json.loads(again.stdout)
    assert found["counts"]["submissions"] == 0
    assert found["counts"]["duplicates_across_files"] == 3
    assert found["facts"]["columns"] == ["types", "config", "user_data", "campaign"]


def test_a_campaign_of_somebody_elses_marketing_is_no_campaign_of_ours(console: Console) -> None:
    """A media that stands in two of theirs is paid for once."""
    (console.home / "list.csv").write_text(f"media_id,campaign\n{A},summer\n{A},winter\n")
    assert "ignored      columns campaign" in console.run("load", "list.csv").stdout
    assert [row["media_id"] for row in _exported(console)] == [A]


def test_a_pattern_leaves_out_what_is_ours(console: Console) -> None:
    for name in ("a.csv", "a.csv.results.csv", "a.csv.quarantine.csv"):
        (console.home / name).write_text(f"{A}\n")
    assert console.run("load", "*.csv").stdout.count("batch ") == 1


def test_a_bad_list_does_not_keep_out_the_ones_after_it(console: Console) -> None:
    for name, text in (("a.csv", A), ("b.csv", "x,y\n1,2"), ("c.csv", B), ("d.csv", "<html>")):
        (console.home / name).write_text(f"{text}\n")
    ended: Ended = console.run("load", "a.csv", "b.csv", "c.csv", "d.csv", code=REFUSED)
    assert "b.csv has no column of media ids" in ended.stderr
    assert "d.csv is a web page" in ended.stderr
    assert [row["media_id"] for row in _exported(console)] == [A, B]
