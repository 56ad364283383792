"""``vod-batch list``: a list from the cloud itself, on its way into ``load``."""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from batch.emulator.library import made_up_id
from tests.support.cloud import Emulator
from tests.support.console import Console, Ended
from tests.support.ledger import media
from tests.support.waiting import PATIENCE

EVERY_MEDIA = 10_000


@pytest.fixture
def fast(console: Console) -> Console:
    """A console whose searches are not slowed."""
    return console.having(VOD_BATCH_SEARCH_QPS=1000)


@pytest.fixture
def alone(fast: Console) -> Console:
    """The same where a database that is opened is an error."""
    return fast.having(VOD_BATCH_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")


def rows(ended: Ended) -> list[dict[str, str]]:
    """Return what was printed as CSV."""
    return list(csv.DictReader(io.StringIO(ended.stdout)))


def ids(ended: Ended) -> list[str]:
    """Return the media ids that were printed."""
    return [row["media_id"] for row in rows(ended)]


def told(ended: Ended, event: str) -> list[dict[str, object]]:
    """Return the log lines of an event."""
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def summary(ended: Ended) -> tuple[object, ...]:
    """Return found, total, printed and left out, as the last line says it."""
    (line,) = told(ended, "listed")
    return tuple(line[name] for name in ("found", "total", "printed", "left_out"))


def test_every_media_is_printed_once_while_answers_are_lost_and_throttled(
    alone: Console, emulator: Emulator
) -> None:
    """Ten thousand; neither a database is opened nor anything paid."""
    emulator.library(listed=EVERY_MEDIA)
    emulator.fault("throttle", action="SearchMedia", every=20, retry_after=10)
    emulator.fault("drop_before", action="SearchMedia", every=61)
    emulator.fault("accept_then_drop", action="SearchMedia", every=71)
    ended = alone.run("list")
    assert len(ids(ended)) == len(set(ids(ended))) == EVERY_MEDIA
    assert summary(ended) == (EVERY_MEDIA, EVERY_MEDIA, EVERY_MEDIA, 0)
    (line,) = told(ended, "listed")
    assert line["calls"] == emulator.asked("SearchMedia") > EVERY_MEDIA // 50
    assert len(told(ended, "listing")) == 1
    assert emulator.submits() == 0


def test_a_row_as_csv_and_as_json(
    alone: Console, start_emulator: Callable[[str], Emulator]
) -> None:
    emulator = start_emulator(
        """
        [media]
        library = ["aaaa", "bbbb"]
        durations = {aaaa = 12.5}
        statuses = {Blocked = ["aaaa"]}
        storage_classes = {Archive = ["aaaa"]}
        """
    )
    there = alone.having(VOD_BATCH_ENDPOINT=emulator.url)
    header, first, second = there.run("list").stdout.splitlines()
    assert header == "media_id,title,duration,status,storage_class,created_at"
    assert first == "aaaa,Video aaaa,12.5,Blocked,Archive,2025-01-01T00:00:00Z"
    assert second == "bbbb,Video bbbb,60,Normal,,2025-01-01T00:00:00Z"
    _, last = map(json.loads, there.run("list", "--json").stdout.splitlines())
    assert last == {
        "media_id": "bbbb",
        "title": "Video bbbb",
        "duration": 60,
        "status": "Normal",
        "storage_class": None,
        "created_at": "2025-01-01T00:00:00Z",
    }


def test_the_pace_is_a_setting(alone: Console, emulator: Emulator) -> None:
    """Under the default a quota of twice as many calls a second throttles none."""
    emulator.library(listed=1_200)
    emulator.search_quota(20)
    alone.having(VOD_BATCH_SEARCH_QPS=None).run("list")
    assert (emulator.asked("SearchMedia"), emulator.meter()["throttled"]) == (25, 0)
    alone.run("list")
    assert emulator.meter()["throttled"] > 0


@pytest.mark.parametrize(("words", "name"), [((), "list.csv"), (("--json",), "list.jsonl")])
def test_what_is_listed_can_be_loaded(
    fast: Console, emulator: Emulator, words: tuple[str, ...], name: str
) -> None:
    emulator.library(listed=120)
    listed = fast.run("list", *words)
    (fast.home / name).write_text(listed.stdout, encoding="utf-8")
    loaded = json.loads(fast.run("load", name, "--json").stdout)
    assert loaded["counts"]["submissions"] == 120
    assert len(fast.run("export").stdout.splitlines()) == 121


def test_what_the_ledger_knows_is_left_out(fast: Console, emulator: Emulator) -> None:
    """It is asked by pages; what is new then is printed, and no more than that."""
    emulator.library(listed=4_100)
    known = fast.run("list")
    (fast.home / "known.csv").write_text(known.stdout, encoding="utf-8")
    fast.run("load", "known.csv")
    emulator.library(listed=4_150)
    ended = fast.run("list", "--not-in-ledger")
    assert len(ids(ended)) == 50
    assert not {*ids(ended)} & {*ids(known)}
    assert summary(ended) == (4_150, 4_150, 50, 4_100)


def test_the_ledger_of_another_account_leaves_nothing_out(
    fast: Console, emulator: Emulator
) -> None:
    emulator.library(listed=10)
    (fast.home / "known.csv").write_text(fast.run("list").stdout, encoding="utf-8")
    fast.run("load", "known.csv", "--account", "another")
    assert len(ids(fast.run("list", "--not-in-ledger"))) == 10


def test_a_ledger_of_another_service_decides_nothing(fast: Console, emulator: Emulator) -> None:
    """What an emulator was sent is not known to the cloud."""
    emulator.library(listed=10)
    (fast.home / "known.csv").write_text(media(1), encoding="utf-8")
    fast.run("load", "known.csv")
    fast.run("submit")
    ended = fast.having(VOD_BATCH_SERVICE="cloud").run("list", "--not-in-ledger", code=78)
    assert "another target with --account" in ended.stderr
    assert ended.stdout == ""


def test_only_what_matches_is_listed(
    alone: Console, start_emulator: Callable[[str], Emulator]
) -> None:
    emulator = start_emulator(
        'media = {listed = 20, library = ["a"], statuses = {Blocked = ["a"]}}'
    )
    there = alone.having(VOD_BATCH_ENDPOINT=emulator.url)
    assert ids(there.run("list", "--match", "Status in ('Blocked', 'ProduceFail')")) == ["a"]
    assert len(ids(there.run("list", "--match", "Status = 'Normal'"))) == 20
    assert there.run("list", "--search-type", "audio").stdout.count("\n") == 1


def test_a_search_that_the_cloud_refuses_is_a_matter_of_words(
    alone: Console, emulator: Emulator
) -> None:
    emulator.library(listed=20)
    ended = alone.run("list", "--match", "Status is Normal", code=64)
    assert "--match is written as" in ended.stderr
    assert ended.stdout == ""


def test_what_was_printed_before_a_failure_stands(fast: Console, emulator: Emulator) -> None:
    """Also what waited to be looked up in the ledger."""
    emulator.library(listed=1_000)
    emulator.fault("refuse", action="SearchMedia", after=7, code="Forbidden.RAM", status=403)
    for words in ((), ("--not-in-ledger",)):
        ended = fast.run("list", *words, code=77)
        emulator.forget_faults()
        assert len(ids(ended)) == 350
        assert summary(ended) == (350, 1_000, 350, 0)
        (gap,) = told(ended, "list_not_whole")
        assert "did not come to its end" in str(gap["reason"])
        emulator.fault("refuse", action="SearchMedia", after=7, code="Forbidden.RAM", status=403)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_rows_go_into_their_file_beside_a_progress_bar(
    alone: Console, emulator: Emulator, words: tuple[str, ...]
) -> None:
    """A bar on the terminal takes none of them."""
    emulator.library(listed=120)
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        command = subprocess.Popen(
            [sys.executable, "-m", "batch", "list", *words],
            cwd=alone.home, env=alone.environment, stdout=subprocess.PIPE, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal's end, once nobody holds it
            while some := terminal.read(4096):
                shown += some
        printed, _ = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0
    assert printed.count(made_up_id(0).encode()) == 2  # as id and in the title
    assert len(printed.splitlines()) == 120 + (not words)
    assert b"listing" in shown
    assert made_up_id(0).encode() not in shown


def test_a_reader_that_leaves_and_a_full_disk(alone: Console, emulator: Emulator) -> None:
    emulator.library(listed=300)

    def shell(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", line],
            cwd=alone.home,
            env=alone.environment | {"V": f"{sys.executable} -m batch"},
            capture_output=True,
            text=True,
        )

    left = shell("$V list | head -2")
    assert (left.returncode, len(left.stdout.splitlines())) == (0, 2)
    assert "Traceback" not in left.stderr
    full = shell("$V list > /dev/full")
    assert full.returncode == 69
    assert "cannot write the results" in full.stderr


def test_an_account_in_arrears_and_a_missing_key(alone: Console, emulator: Emulator) -> None:
    emulator.account("arrears")
    assert "arrears" in alone.run("list", code=69).stderr
    keyless = alone.having(ALIBABA_CLOUD_ACCESS_KEY_ID=None, ALIBABA_CLOUD_ACCESS_KEY_SECRET=None)
    assert keyless.run("list", code=77).stdout == ""


def test_a_list_that_lacks_some_ends_with_3(alone: Console, emulator: Emulator) -> None:
    """The cloud counts more than it shows."""
    emulator.library(listed=100)
    emulator.say(SearchMedia={"Total": {"100": 103}})
    ended = alone.run("list", code=3)
    assert summary(ended) == (100, 103, 100, 0)
    (gap,) = told(ended, "list_not_whole")
    assert "counts 103 media and showed 100" in str(gap["reason"])
