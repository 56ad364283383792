"""Manifests into the ledger: what is counted, recognised, kept aside, and left when a load dies."""

import asyncio
import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from batch.core.models import JobType
from batch.core.states import State
from batch.errors import DatabaseUnavailableError, UsageError
from batch.intake.manifest import Manifest
from batch.ledger.connecting.waits import at_once
from batch.ledger.loading import LoadReport, load_manifest
from batch.selftest.server import run_sql
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, Ledger, media, write_csv
from tests.support.postgres import Server
from tests.support.waiting import eventually

_IN_A_TRANSACTION = (
    "SELECT query FROM pg_stat_activity "
    "WHERE datname = current_database() AND state = 'idle in transaction'"
)
TABLES = ("batches", "submissions", "attempts", "submission_history")


async def _load(ledger: Ledger, path: Path, *types: JobType, **settings: object) -> LoadReport:
    update = {"type": types or (DNA,), **settings}
    chosen = ledger.settings.model_copy(update=update)
    return await load_manifest(ledger.database, ledger.store.target, str(path), chosen)


def _counts(report: LoadReport) -> dict[str, int]:
    assert report.counts
    counts = asdict(report.counts)
    del counts["batch_id"]
    return {name.removeprefix("duplicates_"): n for name, n in counts.items()}


async def test_rows_become_submissions_in_manifest_order(ledger: Ledger, tmp_path: Path) -> None:
    """Each good line makes one submission a type, with its line; ids follow the file's order."""
    ids = [media(n) for n in range(20)]
    report = await _load(ledger, write_csv(tmp_path / "m.csv", ids), DNA, TAG)
    assert _counts(report) == {"submissions": 40, "in_file": 0, "across_files": 0, "submitted": 0}
    rows = await ledger.rows()
    assert [row["media_id"] for row in rows] == [one for one in ids for _ in "ab"]
    assert [row["line"] for row in rows] == [line for line in range(2, 22) for _ in "ab"]
    assert {(row["state"], row["lease"], row["attempts"]) for row in rows} == {("pending", 0, 0)}
    (batch,) = await ledger.sql.fetch("SELECT * FROM batches")
    assert report.facts
    assert (batch["sha256"], batch["lines"]) == (report.facts.sha256, 21)
    assert batch["source"] == str(tmp_path / "m.csv")


async def test_duplicates_are_counted_by_where_they_were_before(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Within the file, from another file, already submitted: each row is counted in one place."""
    first = write_csv(tmp_path / "1.csv", [media(n) for n in (1, 2, 3)])
    await _load(ledger, first)
    await ledger.begin(1)  # media 1 has been sent
    second = write_csv(tmp_path / "2.csv", [media(n) for n in (1, 2, 2, 4, 4, 4, 5)])
    report = await _load(ledger, second)
    # 2 twice and 4 three times: three lines too many; 1 was begun; 2 is known from the first file.
    assert _counts(report) == {"submissions": 2, "in_file": 3, "across_files": 1, "submitted": 1}
    assert len(await ledger.rows()) == 5
    (batch,) = await ledger.sql.fetch("SELECT * FROM batches WHERE submissions = 2")
    kept = [batch[f"duplicates_{name}"] for name in ("in_file", "across_files", "submitted")]
    assert kept == [3, 1, 1]


async def test_the_same_bytes_are_recognised_under_any_name(ledger: Ledger, tmp_path: Path) -> None:
    """A file with the same SHA-256 changes nothing and names the batch that it was."""
    first = write_csv(tmp_path / "a.csv", [media(1)])
    report = await _load(ledger, first)
    again = await _load(ledger, write_csv(tmp_path / "b.csv", [media(1)]))
    assert report.counts
    assert again.known
    assert (again.known.id, again.known.source) == (report.counts.batch_id, str(first))
    assert await ledger.sql.fetchval("SELECT count(*) FROM batches") == 1


@pytest.mark.parametrize(
    "other",
    [
        {"type": (TAG,)},
        {"type": (DNA, TAG)},
        {"config": '{"DNADBId":"x"}'},
        {"campaign": "again"},
        {"priority": 3},
    ],
)
async def test_the_same_file_under_other_options_is_other_work(
    ledger: Ledger, tmp_path: Path, other: dict[str, object]
) -> None:
    """Options that change what a line means make another batch of the same bytes."""
    path = write_csv(tmp_path / "m.csv", [media(1)])
    await _load(ledger, path)
    report = await _load(ledger, path, **other)
    assert report.known is None
    assert report.counts
    assert report.counts.submissions == (0 if "priority" in other else 1)


def test_standard_input_is_recognised_as_the_file_it_was(console: Console) -> None:
    """The hash is that of the bytes: a file, then the same by a pipe, is loaded once."""
    path = write_csv(console.home / "m.csv", [media(1), media(2)])
    first = json.loads(console.run("load", "--json", str(path)).stdout)
    again = json.loads(console.run("load", "--json", "-", stdin=path.read_bytes()).stdout)
    assert first["counts"]["submissions"] == 2
    assert again["known"]["id"] == first["counts"]["batch_id"]
    told = console.run("load", str(path)).stdout
    assert told.startswith(f"{path}: loaded before, as batch {first['counts']['batch_id']} on ")
    assert told.endswith("nothing changed\n")


async def test_a_list_fed_again_with_more_lines_is_distinguished(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Nothing new, something new, lines twice: the counts add up to the lines each time."""
    ids = [media(n) for n in range(5)]
    await _load(ledger, write_csv(tmp_path / "1.csv", ids))
    await ledger.begin(2)
    grown = {"all known": ids[::-1], "known twice": [*ids, ids[4]], "one more": [media(9), *ids]}
    found = {}
    for name, lines in grown.items():
        report = await _load(ledger, write_csv(tmp_path / f"{name}.csv", lines))
        found[name] = tuple(_counts(report).values())
    # Submissions, duplicates in the file, across files, submitted.
    assert found == {
        "all known": (0, 0, 3, 2),
        "known twice": (0, 1, 3, 2),
        "one more": (1, 0, 3, 2),
    }


async def test_a_long_list_keeps_its_order_across_pieces(ledger: Ledger, tmp_path: Path) -> None:
    """Bare lines that are taken many at once and lines that take care follow one another."""
    ids = [media(n) for n in range(10_600)]
    written = [*ids[:10_500], f" {ids[10_500]}", "not a media id!", *ids[10_501:]]
    report = await _load(ledger, write_csv(tmp_path / "m.csv", written), DNA, TAG)
    assert _counts(report)["submissions"] == 2 * len(ids)
    rows = await ledger.rows()
    assert [row["media_id"] for row in rows] == [one for one in ids for _ in "ab"]
    lines = [n for n in range(2, 10_603) if n != 10_503]
    assert [row["line"] for row in rows] == [line for line in lines for _ in "ab"]
    assert [row["job_type"] for row in rows] == [DNA, TAG] * len(ids)


async def test_cells_arrive_as_they_were_written(ledger: Ledger, tmp_path: Path) -> None:
    """Backslashes, quotes and escaped white space are the same in the ledger."""
    path = tmp_path / "m.csv"
    data = {"a": "back\\slash \\N \t\r\n end", "ü": "日本 \u2028"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["media_id", "config", "user_data"]])
        writer.writerow([media(1), json.dumps(data), json.dumps(data, ensure_ascii=False)])
        writer.writerow([media(2), "", ""])
    await _load(ledger, path)
    known, bare = await ledger.rows()
    assert json.loads(known["config"]) == json.loads(known["user_data"]) == data
    assert (bare["config"], bare["user_data"], bare["config_key"]) == (None, None, "")


async def test_a_file_is_hashed_before_anything_is_begun(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk that takes minutes, and a session that is idle in a transaction is ended."""
    hash_file, idle = Manifest.stored_sha256, []

    def observed(manifest: Manifest) -> str:
        with ThreadPoolExecutor(1) as beside:
            idle.extend(beside.submit(run_sql, ledger.url, _IN_A_TRANSACTION).result())
        return hash_file(manifest)

    monkeypatch.setattr(Manifest, "stored_sha256", observed)
    report = await _load(ledger, write_csv(tmp_path / "m.csv", [media(1)]))
    assert _counts(report)["submissions"] == 1
    assert idle == []


async def test_two_batches_keep_file_and_line(ledger: Ledger, tmp_path: Path) -> None:
    """Every submission says which batch and line it came from first."""
    one = write_csv(tmp_path / "one.csv", [media(1), media(2)])
    two = write_csv(tmp_path / "two.csv", [media(2), media(3)])
    for path in (one, two):
        await _load(ledger, path)
    rows = await ledger.sql.fetch(
        "SELECT s.media_id, s.line, b.source FROM submissions s JOIN batches b ON b.id = s.batch_id"
        " ORDER BY s.id"
    )
    assert [tuple(row) for row in rows] == [
        (media(1), 2, str(one)),
        (media(2), 3, str(one)),
        (media(3), 3, str(two)),
    ]


async def test_two_loads_of_a_file_at_once_make_one_batch(ledger: Ledger, tmp_path: Path) -> None:
    """Loads wait for one another, so the second one finds what the first has made."""
    path = write_csv(tmp_path / "m.csv", [media(n) for n in range(500)])
    reports = await asyncio.gather(*(_load(ledger, path) for _ in range(4)))
    assert sorted(report.known is None for report in reports) == [False, False, False, True]
    assert await ledger.sql.fetchval("SELECT count(*) FROM batches") == 1
    assert await ledger.states() == {State.PENDING: 500}


async def test_overlapping_loads_at_once_keep_rows_unique(ledger: Ledger, tmp_path: Path) -> None:
    """Different files with common media, loaded at once, make each submission once."""
    files = [
        write_csv(tmp_path / f"{n}.csv", [media(m) for m in range(n * 50, n * 50 + 100)])
        for n in range(4)
    ]
    reports = await asyncio.gather(*(_load(ledger, path) for path in files))
    made = [_counts(report) for report in reports]
    assert sum(each["submissions"] for each in made) == len(await ledger.rows()) == 250
    assert [sum(each.values()) for each in made] == [100] * 4
    ids = [row["id"] for row in await ledger.rows()]
    assert len(set(ids)) == len(ids)


async def test_bad_lines_go_to_a_quarantine_file(ledger: Ledger, tmp_path: Path) -> None:
    """What cannot be loaded stands beside the manifest with line and reason; the rest is loaded."""
    path = write_csv(tmp_path / "m.csv", [media(1), "not a media id!", media(2)])
    report = await _load(ledger, path)
    assert report.facts
    assert (report.facts.rows, report.facts.quarantined) == (2, 1)
    kept = Path(report.facts.quarantine_path or "")
    assert kept == tmp_path / "m.csv.quarantine.csv"
    header, line = csv.DictReader(kept.read_text(encoding="utf-8").splitlines())
    assert (header["line"], header["raw"]) == ("1", "media_id")
    assert (line["line"], line["raw"]) == ("3", "not a media id!")


async def test_a_load_that_fails_leaves_neither_rows_nor_quarantine(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A file that cannot be read to its end leaves nothing, in the ledger or beside it."""
    path = tmp_path / "m.csv"
    path.write_bytes(b"media_id\nnot a media id!\n" + media(1).encode() + b"\n\xff\xfe\xfa\n")
    before = set(tmp_path.iterdir())
    with pytest.raises(UsageError):
        await _load(ledger, path, encoding="utf-8")
    assert set(tmp_path.iterdir()) == before
    for table in TABLES:
        assert await ledger.sql.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_load_whose_commit_fails_can_be_repeated(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing of it is in the ledger; the next load works and there is one quarantine file."""
    await ledger.sql.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014'; END $$; "
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON batches DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    path = write_csv(tmp_path / "m.csv", [media(1), "not a media id!"])
    ledger.database.hurry(0)  # or it is tried again for as long as a database may be away
    with at_once(), pytest.raises(DatabaseUnavailableError):
        await _load(ledger, path)
    for table in TABLES:
        assert await ledger.sql.fetchval(f"SELECT count(*) FROM {table}") == 0
    await ledger.sql.execute("DROP TRIGGER refuse ON batches")
    report = await _load(ledger, path)
    assert report.facts
    assert report.facts.quarantine_path == str(tmp_path / "m.csv.quarantine.csv")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.csv", "m.csv.quarantine.csv"]


async def test_the_same_bad_file_twice_has_one_quarantine_file(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A file that is loaded again, as it is or by standard input, leaves no second file."""
    path = write_csv(tmp_path / "m.csv", [media(1), "not a media id!"])
    await _load(ledger, path)
    await _load(ledger, path)
    assert len(list(tmp_path.glob("*quarantine*"))) == 1


def test_a_killed_load_leaves_nothing(
    console: Console, postgres: Server, database_url: str
) -> None:
    """SIGKILL in the middle of a large load: all tables are empty, and the next load works."""
    lines = "".join(f"{n:032x}\n" for n in range(600_000))
    path = console.home / "large.csv"
    path.write_text("media_id\nnot a media id!\n" + lines)
    database = database_url.partition("?")[0].rpartition("/")[2]

    def ask(query: str) -> Callable[[], bool]:
        return lambda: postgres.psql(query, database).strip() == "t"

    copying = ask("SELECT count(*) > 0 FROM pg_stat_progress_copy WHERE tuples_processed > 1000")
    gone = ask(
        "SELECT count(*) = 0 FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'vod-batch'"
    )
    with console.started("load", str(path)) as load:
        eventually(copying, "the copy")
        load.kill()
        load.wait()
    eventually(gone, "the end of the killed load's connection")
    for table in TABLES:
        assert postgres.psql(f"SELECT count(*) FROM {table}", database) == "0\n", table
    assert not list(console.home.glob("*.quarantine.csv"))
    small = write_csv(console.home / "small.csv", [media(1)])
    assert (
        json.loads(console.run("load", "--json", str(small)).stdout)["counts"]["submissions"] == 1
    )
