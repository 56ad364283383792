"""The command line as a person and a script use it: load, submit, look, and how it ends."""

import csv
import io
import json
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import typer.main

from batch.cli.main import app
from tests.support.cloud import Emulator, running_emulator
from tests.support.console import Console, Ended
from tests.support.ledger import media, write_csv
from tests.support.postgres import Server
from tests.support.waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
BOTH = "AIMediaDNA,AIVideoTag"
COLUMNS = [
    "batch", "line", "media_id", "type", "status", "job_id", "request_id", "attempts",
    "error_code", "error_message", "submitted_at", "finished_at",
]  # fmt: skip


def _load(console: Console, numbers: range, types: str | None = None) -> Path:
    path = write_csv(console.home / "list.csv", [media(n) for n in numbers], types)
    console.run("load", str(path))
    return path


def _export(console: Console, *words: str) -> list[dict[str, object]]:
    lines = console.run("export", "--format", "jsonl", *words).stdout.splitlines()
    return [json.loads(line) for line in lines]


def _fast(console: Console) -> Console:
    return console.having(VOD_BATCH_QPS=2000)


def test_a_night_from_the_list_to_the_receipts(console: Console, emulator: Emulator) -> None:
    """Load, submit, export: rows and jobs are the same; a second night sends nothing."""
    fast = _fast(console)
    path = _load(fast, range(40), BOTH)
    told = fast.run("submit").stdout.splitlines()
    assert told[0].startswith("stopped because nothing is due, after ")
    assert told[1].split()[:2] == ["submitted", "80"]
    rows, jobs = _export(fast), emulator.jobs()
    keys = ("media_id", "type", "job_id", "request_id")
    assert {tuple(r[k] for k in keys) for r in rows} == {tuple(j[k] for k in keys) for j in jobs}
    assert len(rows) == len(jobs) == 80
    assert [row["line"] for row in rows] == [line for line in range(2, 42) for _ in "ab"]
    assert {(row["status"], row["source"]) for row in rows} == {("submitted", str(path))}

    meter = emulator.meter()
    assert fast.run("load", str(path)).stdout.startswith(f"{path}: loaded before, as batch ")
    again = json.loads(fast.run("submit", "--json").stdout)
    assert (again["requests"], again["stopped_by"]) == (0, "nothing is due")
    assert emulator.meter() == meter


def test_export_as_csv_holds_the_promised_columns_first(console: Console) -> None:
    """Scripts rely on the first twelve columns; filters by state and batch hold."""
    _load(console, range(3))
    table = list(csv.reader(io.StringIO(console.run("export").stdout)))
    assert table[0][:12] == COLUMNS
    assert [row[2] for row in table[1:]] == [media(n) for n in range(3)]
    assert _export(console, "--state", "submitted") == []
    batch = table[1][0]
    assert len(_export(console, "--batch", batch, "--state", "pending")) == 3


def test_status_as_json_counts_every_state(console: Console) -> None:
    """One JSON object: states, batches, workers."""
    _load(console, range(3))
    found = json.loads(console.run("status", "--json").stdout)
    assert found["states"]["pending"] == sum(found["states"].values()) == 3
    (batch,) = found["batches"]
    assert (batch["submissions"], batch["by_state"]) == (3, {"pending": 3})
    assert found["workers"] == []


def test_export_into_a_closed_pipe_ends_quietly(console: Console) -> None:
    """``export | head -1`` is no error: code 0, nothing on stderr."""
    write_csv(console.home / "l.csv", [media(n) for n in range(20_000)])
    console.run("load", "l.csv")
    words = [sys.executable, "-m", "batch", "export"]
    with subprocess.Popen(
        words, cwd=console.home, env=console.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as export:  # fmt: skip
        assert export.stdout
        assert export.stderr
        assert export.stdout.readline().startswith(b"batch,line,media_id,")
        export.stdout.close()
        assert export.stderr.read() == b""
        assert export.wait(PATIENCE) == 0


# How each exit code comes about, and the first words that go with it.


def test_exit_0_when_all_due_work_is_done(console: Console) -> None:
    """Nothing to do is done, too."""
    assert console.run("submit", code=0).first_words.startswith("stopped because nothing is due")


def test_exit_3_when_some_are_rejected(console: Console, emulator: Emulator) -> None:
    """The cloud does not know one of the media."""
    emulator.fault("refuse", code="InvalidParameter.MediaId", media_id=media(1))
    _load(console, range(3))
    ended = console.run("submit", code=3)
    assert ended.stdout.startswith("stopped because nothing is due, after ")
    assert re.search(r"^  rejected +1$", ended.stdout, re.MULTILINE)


def test_exit_4_when_some_are_in_doubt(console: Console, emulator: Emulator) -> None:
    """One answer was lost on the way; it is said how many and what that means."""
    emulator.fault("accept_then_drop", media_id=media(1))
    _load(console, range(3))
    ended = console.run("submit", code=4)
    assert ended.stdout.startswith("stopped because nothing is due, after ")
    assert re.search(r"^  in doubt +1  perhaps paid", ended.stdout, re.MULTILINE)


def test_exit_5_when_the_cap_is_reached(console: Console, emulator: Emulator) -> None:
    """The rest is carried over to the next night."""
    _load(console, range(3))
    ended = console.run("submit", "--max-submissions", "2", code=5)
    assert ended.stdout.startswith("stopped because the cap of --max-submissions is reached, after")
    assert len(emulator.jobs()) == 2
    assert [row["status"] for row in _export(console)].count("pending") == 1


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["nonsense"], "Usage: vod-batch [OPTIONS] COMMAND [ARGS]..."),
        (["submit", "--nonsense"], "Usage: vod-batch submit [OPTIONS]"),
        (["load", "missing.csv"], "vod-batch: there is no file "),
        (["load", "/dev/null", "--type", "Other"], "vod-batch: --type: unknown type: 'Other'"),
        (["export", "--batch", "99999999999999999999"], "Usage: vod-batch export [OPTIONS]"),
        (["retry", "--batch", "99999999999999999999"], "Usage: vod-batch retry [OPTIONS]"),
        (["emulator", "--port", "99999"], "Usage: vod-batch emulator [OPTIONS]"),
        (["why", ""], "vod-batch: no media id"),
        (["why", "x" * 9999], f"vod-batch: bad media id: '{'x' * 80}…' (allowed: "),
        (["resolve", "\x1b[31m"], "vod-batch: bad media id: '\\x1b[31m' (allowed: "),
    ],
)
def test_exit_64_for_words_that_mean_nothing(
    console: Console, words: list[str], first: str
) -> None:
    """Unknown command, unknown option, missing file, unknown type."""
    ended = console.run(*words, code=64)
    assert ended.stdout == ""
    assert ended.first_words.startswith(first)


def test_exit_69_when_the_account_is_in_arrears(console: Console, emulator: Emulator) -> None:
    """The run stops at the first answer, with every row still due."""
    emulator.account("arrears")
    _load(console, range(3))
    ended = console.run("submit", code=69)
    assert ended.stdout.startswith("stopped because the cloud refuses the account, after ")
    assert "\nthe cloud refuses the account (arrears): " in ended.stdout
    assert {row["status"] for row in _export(console)} == {"pending"}


def test_exit_69_when_the_database_is_away(console: Console) -> None:
    """Nobody listens at the database's address."""
    away = console.having(VOD_BATCH_DATABASE_URL="postgresql://u:hush@127.0.0.1:1/d")
    ended = away.run("status", code=69)
    assert ended.stderr.startswith("vod-batch: PostgreSQL does not serve: ")
    assert "hush" not in ended.stderr


def test_exit_78_for_a_database_port_that_no_machine_has(console: Console) -> None:
    """The URL is to be checked, not the server."""
    odd = console.having(VOD_BATCH_DATABASE_URL="postgresql://u@127.0.0.1:99999/d")
    ended = odd.run("status", code=78)
    assert ended.stderr.startswith("vod-batch: the database does not fit: ")
    assert len(ended.stderr.splitlines()) == 1


def test_exit_77_without_credentials(console: Console) -> None:
    """The message says what to set."""
    bare = console.having(ALIBABA_CLOUD_ACCESS_KEY_ID=None, ALIBABA_CLOUD_ACCESS_KEY_SECRET=None)
    ended = bare.run("submit", code=77)
    assert ended.stderr.startswith("vod-batch: no Alibaba Cloud credentials were found. Set ")


def test_exit_78_for_a_setting_that_does_not_exist(console: Console) -> None:
    """A misspelt variable is named, with what was perhaps meant."""
    ended = console.having(VOD_BATCH_CONCURENCY=1).run("status", code=78)
    assert ended.stderr == (
        "vod-batch: unknown environment variable VOD_BATCH_CONCURENCY; "
        "did you mean VOD_BATCH_CONCURRENCY?\n"
    )


def test_exit_78_when_a_target_changes_its_cloud(console: Console) -> None:
    """A ledger that was filled against an emulator is not taken for the cloud's."""
    console.run("submit")
    ended = console.having(VOD_BATCH_ENDPOINT=None).run("submit", code=78)
    assert ended.stderr.splitlines()[-1].startswith(
        "vod-batch: target default/cn-shanghai has been submitted to a stand-in"
    )


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_never_printed(console: Console, emulator: Emulator, log_format: str) -> None:
    """A wrong key ends with 77; neither secret nor signature is printed, or kept in a file."""
    emulator.fault("accept_then_drop", media_id=media(0))
    _load(console, range(3))
    wrong = console.having(
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="wrong-and-secret", VOD_BATCH_LOG_FORMAT=log_format
    )
    ended = wrong.run("submit", code=77)
    assert "the cloud refuses the account (credentials): " in ended.stdout
    assert '"attempt"' in ended.stderr or "attempt " in ended.stderr
    _no_secret_in(ended, console.home, "wrong-and-secret", "ACS3-HMAC", "Signature=")


def _no_secret_in(ended: Ended, home: Path, *words: str) -> None:
    written = [path for path in home.rglob("*") if path.is_file()]
    assert written  # the journal at least
    for text in (ended.stdout, ended.stderr, *(path.read_text("latin-1") for path in written)):
        for word in words:
            assert word not in text


@pytest.mark.parametrize("number", ["TERM", "INT"])
def test_a_signal_drains(console: Console, emulator: Emulator, number: str) -> None:
    """What is on the wire is recorded; code 5, the rest pending, nothing in doubt."""
    emulator.fault("delay", seconds=0.3)
    _load(console, range(200))
    with console.having(VOD_BATCH_CONCURRENCY=4).started("submit", "--json") as run:
        eventually(lambda: emulator.submits() >= 6, "requests on the wire")
        subprocess.run(["kill", f"-{number}", str(run.pid)], check=True)
        told, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 5
    assert json.loads(told)["stopped_by"] == "asked to stop"
    jobs = {job["job_id"] for job in emulator.jobs()}
    rows = _export(console)
    assert {row["job_id"] for row in rows if row["status"] == "submitted"} == jobs
    assert {row["status"] for row in rows} == {"submitted", "pending"}


@pytest.mark.long
def test_ten_kills_lose_nothing_and_pay_nothing_twice(
    console: Console, emulator: Emulator, postgres: Server, database_url: str
) -> None:
    """SIGKILL again and again: no second job for any row, every job known or its row in doubt."""
    emulator.fault("delay", seconds=0.1)
    _load(console, range(300), BOTH)
    worker = console.having(VOD_BATCH_QPS=150, VOD_BATCH_HEARTBEAT_TIMEOUT="2s")
    for _ in range(10):
        before = emulator.submits()
        with worker.started("submit") as run:
            eventually(lambda: emulator.submits() >= before + 12 or run.poll() is not None)  # noqa: B023
            run.kill()
            run.wait()
    ended = worker.run("submit", code=4)
    assert "  perhaps paid" in ended.stdout
    rows, jobs = _export(console), emulator.jobs()
    assert emulator.meter()["media_types_with_more_than_one_job"]["count"] == 0
    assert len(rows) == 600
    assert {row["status"] for row in rows} == {"submitted", "in_doubt"}
    kept = {row["job_id"]: (row["media_id"], row["type"]) for row in rows if row["job_id"]}
    doubts = {(row["media_id"], row["type"]) for row in rows if row["status"] == "in_doubt"}
    for job in jobs:
        key = (job["media_id"], job["type"])
        assert kept.get(job["job_id"]) == key or key in doubts
    assert set(kept) <= {job["job_id"] for job in jobs}
    # At most what was on the wire at each kill.
    assert 0 < len(doubts) <= 10 * 2 * 32


def test_two_workers_share_a_list_under_one_quota(console: Console, tmp_path: Path) -> None:
    """Two workers at once send each row once, and keep together to the pace of one.

    Each alone would send 30 a second. That no second is ever above is shown in virtual time
    (``test_no_second_is_ever_above_the_quota``): what left in time arrives in heaps on a busy
    machine, so here the server lets half a second's worth more pass.
    """
    with ExitStack() as stack:
        cloud = stack.enter_context(running_emulator(tmp_path, qps=45))
        here = replace(console, settings={**console.settings, "VOD_BATCH_ENDPOINT": cloud.url})
        _load(here, range(120))
        words = ("submit", "--qps", "30", "--skip-existing", "never")
        runs = [stack.enter_context(here.started(*words)) for _ in range(2)]
        for run in runs:
            run.communicate(timeout=PATIENCE)
        assert [run.returncode for run in runs] == [0, 0]
        meter = cloud.meter()
        assert (meter["jobs"], meter["throttled"]) == (120, 0)
        assert meter["media_types_with_more_than_one_job"]["count"] == 0
        assert {row["status"] for row in _export(here)} == {"submitted"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """Each command says what it does, and each of its options too."""
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.help
    for option in command.params:
        assert getattr(option, "help", None), option.name


def test_help_is_printed(console: Console) -> None:
    """``--help`` lists every command, also without a database or any setting."""
    bare = Console(console.home)
    told = bare.run("--help").stdout
    assert all(re.search(rf"^\W*{name}\s", told, re.MULTILINE) for name in COMMANDS)
    assert "--max-submissions" in bare.run("submit", "--help").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """README or a page of docs shows each command."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert re.search(rf"(vod-batch |`){name}\b", text)
