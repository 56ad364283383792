"""Watching a run: a progress bar on a terminal, a log line a minute or a request elsewhere."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import structlog
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from batch.core.outcome import Accepted, AccountStopped, InDoubt, Refused, Throttled
from batch.core.states import State
from batch.night.shift import Watcher
from batch.submit.sending import AttemptReport
from batch.submit.shared_pace import SharedPace

_FOUND_A_LINE = 10_000
"""Media of a list from the cloud between two log lines."""

log = structlog.get_logger()


@contextlib.contextmanager
def watch_run(wanted: Literal["auto", "attempts", "quiet"] = "auto") -> Iterator[Watcher]:
    """Yield the watcher that suits the setting ``log``, and where stderr goes."""
    if wanted == "auto" and sys.stderr.isatty():
        with _bar() as watcher:
            yield watcher
    else:
        counting = _Counting(log_attempt if wanted == "attempts" else _log_problem)
        yield Watcher(counting.started, counting.attempted, counting.tell)


@dataclass
class _Counting:
    """Counts what a run's requests come to, and hands each on to be logged or not."""

    log_one: Callable[[AttemptReport], None]
    clock: Callable[[], float] = time.monotonic
    _paces: list[SharedPace] = field(default_factory=list)
    _pending: int = 0
    _done: int = 0
    _outcomes: Counter[str] = field(default_factory=Counter)
    _told: tuple[float, int] = (0.0, 0)

    def started(self, pending: int, pace: SharedPace) -> None:
        """Begin to count: a night has several runs."""
        log.info("run_started", pending=pending)
        self._paces.append(pace)
        self._pending, self._done = pending, 0
        self._outcomes.clear()
        self._told = (self.clock(), 0)

    def attempted(self, report: AttemptReport) -> None:
        """Count a request, and its submissions that need no other."""
        self._outcomes[report.verdicts[0].outcome] += 1
        self._done += sum(verdict.to_state is not State.PENDING for verdict in report.verdicts)
        self.log_one(report)

    def tell(self) -> None:
        """Log how far the run is, and how fast it went since that was said last."""
        (then, before), now, requests = self._told, self.clock(), self._outcomes.total()
        self._told = (now, requests)
        rate = (requests - before) / (now - then) if now > then else 0.0
        log.info(
            "progress",
            phase="submit",
            done=self._done,
            due=self._pending,
            requests=requests,
            rate=round(rate, 1),
            worst_second=self._paces[-1].worst_second,
            **self._outcomes,
        )


_PROBLEMS = InDoubt | AccountStopped


def _log_problem(report: AttemptReport) -> None:
    if isinstance(report.outcome, _PROBLEMS):
        log_attempt(report)


def log_attempt(report: AttemptReport) -> None:
    """Write the one wide line of a request: who, what, outcome, how long, JobIds."""
    claim, outcome = report.claim, report.outcome
    fields: dict[str, object] = {
        "media_id": claim.media_id,
        "types": ",".join(claim.types),
        "submissions": [member.id for member in claim.members],
        "outcome": report.verdicts[0].outcome,
        "nonce": claim.nonce,
        "seconds": round(report.seconds, 3),
        "request_id": getattr(outcome, "request_id", None),
    }
    if isinstance(outcome, Accepted):
        fields["jobs"] = {job.type.value: job.job_id for job in outcome.jobs}
        if outcome.extra or outcome.unplaced:
            fields["further_jobs"] = [v for verdict in report.verdicts
                                      for v in verdict.further_job_ids]  # fmt: skip
    elif isinstance(outcome, Throttled | Refused | AccountStopped):
        fields |= {"code": outcome.code, "message": outcome.message}
    else:
        fields["reason"] = outcome.reason
    write = log.warning if isinstance(outcome, _PROBLEMS) else log.info
    write("attempt", **fields)


@contextlib.contextmanager
def watch_listing() -> Iterator[Callable[[int, int | None], None]]:
    """Yield what is told how many media were found, of how many, as suits where stderr goes.

    No bar runs through rows that go to the same terminal.
    """
    if sys.stdout.isatty() or not sys.stderr.isatty():
        yield _log_found()
        return
    progress = Progress(
        SpinnerColumn(),
        TextColumn("listing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,  # the rows would go to the terminal, and none into their file
    )
    with progress:
        task = progress.add_task("list", total=None)
        yield lambda found, total: progress.update(task, completed=found, total=total)


def _log_found() -> Callable[[int, int | None], None]:
    told = 0

    def tell(found: int, total: int | None) -> None:
        nonlocal told
        if found - told >= _FOUND_A_LINE:
            told = found
            log.info("listing", found=found, total=total)

    return tell


@contextlib.contextmanager
def _bar() -> Iterator[Watcher]:
    progress = Progress(
        SpinnerColumn(),
        TextColumn("submitting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f}/s  worst second {task.fields[worst]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    paces: list[SharedPace] = []
    task = progress.add_task("submit", total=None, rate=0.0, worst=0)
    requests = 0

    def started(pending: int, pace: SharedPace) -> None:
        paces.append(pace)
        progress.reset(task, total=pending)

    def attempted(report: AttemptReport) -> None:
        nonlocal requests
        requests += 1
        done = sum(verdict.to_state is not State.PENDING for verdict in report.verdicts)
        elapsed = progress.tasks[0].elapsed or 0.0
        rate = requests / elapsed if elapsed else 0.0
        progress.update(task, advance=done, rate=rate, worst=paces[0].worst_second)

    with progress:
        yield Watcher(started=started, attempted=attempted)
