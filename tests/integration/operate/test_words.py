"""The operator's words on the real command line: what each selects, says, does and writes down."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from batch.core.states import State
from batch.ledger.doubts import Doubts
from batch.ledger.operators import Operators
from batch.reconcile.resolving import operator_name
from tests.support.console import Console, Ended
from tests.support.ledger import DNA, TAG, Ledger, media, write_csv
from tests.support.waiting import PATIENCE

S = State
MOVES = {
    "retry": {S.FAILED: S.PENDING, S.REJECTED: S.PENDING, S.DEAD: S.PENDING},
    "cancel": {S.PENDING: S.CANCELLED},
    "pause": {},
    "resume": {},
}


async def _run(console: Console, *words: str, code: int = 0, stdin: bytes = b"") -> Ended:
    return await asyncio.to_thread(lambda: console.run(*words, code=code, stdin=stdin))


async def _told(console: Console, *words: str) -> dict[str, Any]:
    return dict(json.loads((await _run(console, *words, "--json")).stdout))


async def _every_state(ledger: Ledger) -> dict[State, int]:
    return {state: await ledger.put(n, state) for n, state in enumerate(State)}


async def _snapshot(ledger: Ledger) -> list[tuple[object, ...]]:
    rows = [tuple(row) for row in await ledger.rows()]
    return rows + [tuple(row) for row in await ledger.sql.fetch("SELECT * FROM holds ORDER BY id")]


def _on_terminal(console: Console, answer: str, *words: str) -> tuple[int, str]:
    """Run a command whose input is a terminal; return its code and what it printed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "batch", *words], cwd=console.home, env=console.environment,
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    told, _ = process.communicate(timeout=PATIENCE)
    os.close(ours)
    return process.returncode, told


@pytest.mark.parametrize("word", MOVES)
async def test_a_word_moves_what_it_may_and_says_the_rest(
    ledger: Ledger, console: Console, word: str
) -> None:
    """Every state is told of: moved, or left alone with a reason; the history names who and why."""
    rows = await _every_state(ledger)
    told = await _told(console, word, "--all", "--yes", "--reason", "a  test")
    after = {state: await ledger.state(row) for state, row in rows.items()}
    moved = {state: now for state, now in after.items() if now is not state}
    assert moved == MOVES[word]
    assert all(group["why"] for group in told["left"])
    counted = [group["count"] for group in told["moved"] + told["left"]]
    assert sum(counted) == len(State)
    for state in moved:
        last = (await ledger.history(rows[state]))[-1]
        assert last["actor"] == operator_name()
        assert last["reason"] == f"{word} of the whole target: a test"
    await ledger.check()


@pytest.mark.parametrize("word", MOVES)
async def test_a_dry_run_changes_nothing(ledger: Ledger, console: Console, word: str) -> None:
    """It says what would happen, also off a terminal without --yes, and ends with 0."""
    await _every_state(ledger)
    (held,) = await ledger.add([50])
    operators = Operators(ledger.database, ledger.store.target)
    await operators.hold_batch((await ledger.row(held))["batch_id"], "why", "who")
    before = await _snapshot(ledger)
    ended = await _run(console, word, "--all", "--dry-run")
    assert "would be" in ended.stdout
    assert ended.stdout.endswith("nothing changed\n")
    assert await _snapshot(ledger) == before


@pytest.mark.parametrize("word", MOVES)
async def test_off_a_terminal_a_word_needs_yes(ledger: Ledger, console: Console, word: str) -> None:
    """Nobody can be asked: code 64, --yes is named, nothing changed."""
    await _every_state(ledger)
    before = await _snapshot(ledger)
    ended = await _run(console, word, "--all", code=64)
    assert "add --yes" in ended.stderr
    assert await _snapshot(ledger) == before


@pytest.mark.parametrize(("answer", "moves"), [("y", True), ("n", False), ("", False)])
async def test_a_terminal_is_asked(
    ledger: Ledger, console: Console, answer: str, moves: bool
) -> None:
    """Only a yes goes on; anything else changes nothing. Both end with 0."""
    row = await ledger.put(1, S.FAILED)
    code, told = await asyncio.to_thread(_on_terminal, console, answer, "retry", media(1))
    assert code == 0
    assert "retry 1 submission(s)? [y/N]" in told
    assert await ledger.state(row) is (S.PENDING if moves else S.FAILED)
    assert ("nothing changed" in told) is not moves


async def _mixed(ledger: Ledger) -> dict[str, int]:
    """Four dead rows that differ in everything that selects."""
    plain, tag = await ledger.add([1], DNA, TAG)
    (again,) = await ledger.add([1], campaign="again")
    (other,) = await ledger.add([2])
    rows = {"plain": plain, "tag": tag, "again": again, "other": other}
    for row in rows.values():
        await ledger.move(row, S.SUBMITTING)
        await ledger.move(row, S.DEAD)
    await ledger.sql.execute(
        "UPDATE submissions SET error_code = 'InvalidVideo.NotFound' WHERE id = $1", other
    )
    return rows


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["--state", "dead"], {"plain", "tag", "again", "other"}),
        (["--state", "failed"], set()),
        (["--state", "failed", "--state", "dead"], {"plain", "tag", "again", "other"}),
        (["--code", "invalidvideo.notfound"], {"other"}),
        (["--batch", "2"], {"again"}),
        (["--type", "AIVideoTag"], {"tag"}),
        (["--campaign", "again"], {"again"}),
        ([media(1)], {"plain", "tag", "again"}),
        ([media(1), media(2), "--type", "AIMediaDNA"], {"plain", "again", "other"}),
        (["--ids", "ids.csv"], {"other"}),
        (["--ids", "-"], {"other"}),
        (["--ids", "typed.csv"], {"tag"}),
        (["--ids", "typed.csv", "--type", "AIVideoTag"], {"tag"}),
        (["--batch", "1", "--type", "AIVideoTag", media(2)], set()),
    ],
)
async def test_selectors(
    ledger: Ledger, console: Console, words: list[str], chosen: set[str]
) -> None:
    """Each selector narrows the rest down."""
    rows = await _mixed(ledger)
    write_csv(console.home / "ids.csv", [media(2), media(77)])
    (console.home / "typed.csv").write_text(
        f"media_id,type,config,priority\n{media(1)},tag,{{,high\n"
    )
    stdin = f"VideoId;note\n{media(2)};x\n".encode()
    told = json.loads((await _run(console, "retry", *words, "--yes", "--json", stdin=stdin)).stdout)
    moved = {name for name, row in rows.items() if await ledger.state(row) is S.PENDING}
    assert moved == chosen
    assert told["count"] == told["done"] == len(chosen)
    assert told["changed"] is bool(chosen)
    if "ids.csv" in words:
        assert told["notes"] == [
            f"1 media of the file have no submission in this target: {media(77)}"
        ]
    await ledger.check()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["retry"], "say which submissions"),
        (["cancel", "--all", "--state", "pending"], "--all means the whole target and goes alone"),
        (["pause", "--batch", "99"], "this target has no batch 99"),
        (["retry", "bad id"], "bad media id"),
        (["retry", media(1)[:12]], f"did you mean {media(1)}?"),
        (["why", media(1)[:12]], f"did you mean {media(1)}?"),
        (["why", "nothing-like-it"], "no submission of nothing-like-it in target default/"),
        (["resume", "--ids", "bad.csv"], "line 2: bad media id"),
        (["resume", "--ids", "empty.csv"], "holds no media id"),
        (["resume", "--ids", "missing.csv"], "there is no file"),
        (["resume", "--ids", "e*.csv"], "means 2 files, and takes one"),
        (["resume", "--ids", "mixed.csv"], "names AIMediaDNA and AIVideoTag in different lines"),
        (["resume", "--ids", "every.csv", "--type", "AIVideoTag"], "selects AIMediaDNA alone"),
        (["resume", "--ids", "every.csv", media(1)], "selects AIMediaDNA alone"),
    ],
)
async def test_words_that_mean_nothing(
    ledger: Ledger, console: Console, words: list[str], says: str
) -> None:
    """Code 64, one line that says what is wrong, nothing changed."""
    await ledger.add([1])
    (console.home / "bad.csv").write_text(f"media_id\n!!\n{media(1)}\n")
    (console.home / "empty.csv").write_text("media_id\n")
    (console.home / "every.csv").write_text(f"media_id,type\n{media(1)},dna\n")
    mixed = f"media_id,type\n{media(1)},dna\n{media(2)},tag\n"
    (console.home / "mixed.csv").write_text(mixed)
    yes = [] if words[0] == "why" else ["--yes"]
    ended = await _run(console, *words, *yes, code=64)
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert await ledger.states() == {S.PENDING: 1}


async def test_a_media_of_another_target_is_named(ledger: Ledger, console: Console) -> None:
    """The id is right, the target is not."""
    await ledger.add([1])
    ended = await _run(console, "why", media(1), "--account", "other", code=64)
    assert "it is in default/cn-shanghai" in ended.stderr


async def test_a_retried_job_is_no_duplicate_charge(ledger: Ledger, console: Console) -> None:
    """A failed job is free: its JobId stays on its attempt, and the next job is the only charge."""
    (row,) = await ledger.add([1])
    await ledger.move(row, S.SUBMITTING)
    for job in ("job-a", "job-b"):
        await ledger.sql.execute(
            "UPDATE attempts SET ended_at = now(), outcome = 'accepted', job_id = $2 "
            "WHERE submission_id = $1 AND outcome IS NULL", row, job,
        )  # fmt: skip
        await ledger.move(row, S.SUBMITTED)
        await ledger.sql.execute("UPDATE submissions SET job_id = $2 WHERE id = $1", row, job)
        if job == "job-a":
            await ledger.move(row, S.FAILED)
            await ledger.sql.execute("UPDATE submissions SET job_id = $2 WHERE id = $1", row, job)
            await _run(console, "retry", media(1), "--yes")
            now = await ledger.row(row)
            assert (now["attempts"], now["lease"], now["job_id"], now["error_code"]) == (
                0, 1, None, None,
            )  # fmt: skip
            (claim,) = await ledger.begin()
            assert claim.members[0].lease == 2
    doubts = Doubts(ledger.database, ledger.store.target)
    assert [a["job_id"] for a in await ledger.attempts(row)] == ["job-a", "job-b"]
    assert [a["closed_by"] for a in await ledger.attempts(row)] == [operator_name(), None]
    assert await doubts.extra_charges() == []
    # A job beyond those stays reported.
    await ledger.sql.execute("UPDATE attempts SET extra_job_ids = '{job-c}' WHERE lease = 1")
    (charge,) = await doubts.extra_charges()
    assert charge.job_ids == ("job-b", "job-c")


async def test_a_retried_batch_under_a_hold_stays_held(ledger: Ledger, console: Console) -> None:
    """What comes back to pending in a held batch waits for its batch."""
    row = await ledger.put(1, S.DEAD)
    await _run(console, "pause", "--batch", "1", "--yes")
    await _run(console, "retry", media(1), "--yes")
    assert await ledger.state(row) is S.PENDING
    assert await ledger.begin() == []
    await _run(console, "resume", "--batch", "1", "--yes")
    assert len(await ledger.begin()) == 1
