"""The suite has teeth: broken in one key step, the product fails the test that guards it.

Each variant is a copy of the package with one textual change, and the smallest test that must then
fail. The same tests pass on an unchanged copy.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
_PARTS = ("batch", "migrations", "examples", "tests", "pyproject.toml")
_FAILED = 1  # pytest: tests ran, some failed
_SECONDS = 500.0
"""Until a variant counts as hanging; generous, machines may be slow and busy."""
_OF_THIS_RUN = ("COVERAGE_", "PYTEST_")
"""Variables by which this run would measure the copies and take them for parts of itself."""


@dataclass(frozen=True)
class Mutant:
    """One key step, broken: in ``file`` the text ``old`` becomes ``new``."""

    file: str
    old: str
    new: str
    guard: str

    def apply(self, root: Path) -> None:
        """Break the copy under ``root``."""
        path = root / "batch" / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file} holds it {text.count(self.old)} times"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


_COMMIT_AFTER_THE_CALL = """
        if name == "begin":
            connection = await self._pool.acquire()
            intent = connection.transaction()
            await intent.start()
            found: list[asyncpg.Record] = await connection.fetch(statement(name), *arguments)
            self._intent = (connection, intent)
            if found:
                return found
        if name in ("begin", "record") and getattr(self, "_intent", None):
            connection, intent = self._intent
            self._intent = None
            await intent.commit()
            await self._pool.release(connection)
            if name == "begin":
                return found
        async with self._waits.within(timeout), self._checkouts.one() as connection:"""

_RECONCILE = "tests/integration/reconcile"
MUTANTS: dict[str, Mutant] = {
    "a request is sent inside the open transaction of its intent": Mutant(
        "ledger/database.py",
        """
        async with self._waits.within(timeout), self._checkouts.one() as connection:""",
        _COMMIT_AFTER_THE_CALL,
        "tests/faults/test_line_to_the_cloud.py::"
        "test_no_request_leaves_before_its_intent_is_committed",
    ),
    "a statement is repeated that may have been committed": Mutant(
        "ledger/database.py",
        "case Repeat.ASK if not is_at_once():",
        "case Repeat.ASK if False:",
        "tests/faults/test_lost_answers.py::test_nothing_is_done_twice[hold_target]",
    ),
    "a dead worker's rows are due again": Mutant(
        "ledger/sql/expire.sql",
        "SET state = 'in_doubt'",
        "SET state = 'pending'",
        "tests/integration/worker/test_stopping.py::test_the_rows_of_a_dead_worker_come_into_doubt",
    ),
    "an outcome moves a row of another lease": Mutant(
        "ledger/sql/record.sql",
        "WHERE s.id = a.submission_id AND s.lease = a.lease",
        "WHERE s.id = a.submission_id",
        "tests/integration/ledger/test_record.py::"
        "test_a_stale_outcome_leaves_its_evidence_and_moves_nothing",
    ),
    "a submit goes out as GET": Mutant(
        "vod/transport.py",
        "self._session.post(",
        "self._session.get(",
        "tests/faults/test_client_failures.py",
    ),
    "absence is believed of a look-up that does not work": Mutant(
        "core/doubt.py",
        "case Lookup.HIDES:\n            return Wait(",
        "case Lookup.HIDES:\n            return Absent() or Wait(",
        f"{_RECONCILE}/test_lookup.py::test_a_look_up_that_hides_known_jobs_proves_no_absence",
    ),
    "absence is believed before the settling time": Mutant(
        "core/doubt.py",
        "is_early = now < doubt.signed_at + settle",
        "is_early = False",
        f"{_RECONCILE}/test_absence.py::test_before_the_settling_time_nothing_is_sent_again",
    ),
    "a request is replayed without confirmation": Mutant(
        "reconcile/replaying.py",
        "if not self._is_allowed or not all(",
        "if not all(",
        f"{_RECONCILE}/test_replay.py::test_without_confirmation_nothing_is_replayed",
    ),
    "a frozen worker gives back what was replayed": Mutant(
        "ledger/sql/record.sql",
        "AND (a.to_state = 'submitted' OR s.replayed_lease IS DISTINCT FROM s.lease)",
        "",
        "tests/faults/test_frozen_worker.py::test_once_replayed_only_a_job_moves_a_row",
    ),
    "a job older than the intent is adopted": Mutant(
        "core/doubt.py",
        "return earliest <= created_at <= latest",
        "return created_at <= latest",
        f"{_RECONCILE}/test_lookup.py::test_a_strange_job_is_never_adopted",
    ),
    "the journal is not read at the start": Mutant(
        "ledger/recovery.py",
        "            if is_dead:\n",
        "            if is_dead and False:\n",
        "tests/integration/journal/test_restored_backup.py::test_reconcile_reads_the_journal_too",
    ),
    "the embedded server does not hold its lock": Mutant(
        "ledger/embedded/postmaster.py",
        "kept_open=[lock]",
        "kept_open=[]",
        "tests/integration/embedded/test_one_server.py::"
        "test_a_killed_command_leaves_its_server_to_the_next",
    ),
    "a new ledger is taken for the right one": Mutant(
        "look/first_run.py",
        "    if not await runs.is_ahead():\n",
        "    if True:\n",
        "tests/integration/first_run/test_first_run.py::"
        "test_a_new_ledger_by_accident_pays_for_nothing",
    ),
}


def _copy(folder: Path) -> Path:
    for part in _PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)  # with its bytecode, which is not made again
        else:
            shutil.copy(source, folder / part)
    return folder


def _run(root: Path, guards: Iterable[str]) -> "subprocess.CompletedProcess[str]":
    """Run the guards against the copy under ``root``, and against nothing else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OF_THIS_RUN)}
    environment = {**kept, "PYTHONPATH": str(root)}
    python = [sys.executable, "-c", "import batch; print(batch.__file__)"]
    found = subprocess.run(python, cwd=root.parent, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(root)), found
    words = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *guards]
    return subprocess.run(
        [sys.executable, *words],
        cwd=root, env=environment, capture_output=True, text=True, timeout=_SECONDS,
    )  # fmt: skip


def test_the_guards_pass_on_an_unchanged_copy(tmp_path: Path) -> None:
    """What fails below fails for the change, not for the copy."""
    done = _run(_copy(tmp_path), sorted({mutant.guard for mutant in MUTANTS.values()}))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_broken_variant_is_found_out(tmp_path: Path, mutant: Mutant) -> None:
    """With this one step broken its guard fails."""
    root = _copy(tmp_path)
    mutant.apply(root)
    done = _run(root, [mutant.guard])
    assert done.returncode == _FAILED, done.stdout
    assert " failed" in done.stdout
