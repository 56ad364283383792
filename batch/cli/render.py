"""How results read on a terminal: plain sentences and tables, on stdout."""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from batch.core.states import State
from batch.engine.loading import LoadReport
from batch.engine.tally import RunSummary
from batch.report.insights import Status


def say(*lines: str) -> None:
    """Print result lines."""
    sys.stdout.writelines(line + "\n" for line in lines)
    sys.stdout.flush()


def load_lines(report: LoadReport) -> Iterator[str]:
    """Tell what became of one input."""
    if report.known:
        yield (
            f"{report.source}: loaded before, as batch {report.known.id} on "
            f"{report.known.loaded_at:%Y-%m-%d %H:%M} UTC; nothing changed"
        )
        return
    assert report.facts
    assert report.counts
    counts, facts = report.counts, report.facts
    yield f"{report.source}: batch {counts.batch_id}"
    yield f"  loaded       {counts.submissions:>9,}  submissions from {facts.rows:,} good lines"
    yield (
        f"  duplicates   {_duplicates(report):>9,}  {counts.duplicates_in_file:,} within the file, "
        f"{counts.duplicates_across_files:,} from other files, "
        f"{counts.duplicates_submitted:,} submitted before"
    )
    where = f"  see {facts.quarantine_path}" if facts.quarantine_path else ""
    yield f"  quarantined  {facts.quarantined:>9,}{where}"


def _duplicates(report: LoadReport) -> int:
    assert report.counts
    counts = report.counts
    return counts.duplicates_in_file + counts.duplicates_across_files + counts.duplicates_submitted


def summary_lines(summary: RunSummary) -> Iterator[str]:
    """Tell what one run of the worker came to, and what to do about it."""
    by_state = summary.states
    rate = summary.requests / summary.seconds if summary.seconds else 0.0
    yield f"stopped because {summary.stopped_by.value}, after {summary.seconds:.1f} s"
    yield f"  submitted    {by_state.get(State.SUBMITTED, 0):>9,}  at {rate:.1f} requests a second"
    yield f"  rejected     {by_state.get(State.REJECTED, 0):>9,}"
    if dead := by_state.get(State.DEAD, 0):
        yield f"  dead         {dead:>9,}  never sent, attempts used up"
    yield f"  worst second {summary.worst_second:>9,}  sends"
    if throttled := summary.outcomes.get("throttled", 0):
        yield f"  throttled    {throttled:>9,}  given back and sent again later"
    if summary.left_pending:
        yield f"  still due    {summary.left_pending:>9,}  run vod-batch submit again"
    if summary.left_in_doubt:
        yield (
            f"  in doubt     {summary.left_in_doubt:>9,}  perhaps paid, never sent again by itself"
        )
    if summary.account:
        account = summary.account
        yield f"the cloud refuses the account ({account.cause}): {account.code} {account.message}"
    elif summary.last_trouble and summary.stopped_by.value.startswith(("the cloud", "too many")):
        yield f"last trouble: {summary.last_trouble}"


def show_status(status: Status) -> None:
    """Print how a target stands, as tables."""
    console = Console(highlight=False)
    states = Table(title=f"{status.account} in {status.region}", title_justify="left")
    states.add_column("state")
    states.add_column("submissions", justify="right")
    for state, count in status.states.items():
        states.add_row(state, f"{count:,}", style=None if count else "dim")
    states.add_section()
    states.add_row("all", f"{sum(status.states.values()):,}")
    console.print(states)
    if not status.batches:
        console.print("no batch yet; begin with: vod-batch load FILE.csv")
        return
    console.print(_batch_table(status))
    for worker in status.workers:
        how = "running" if worker.alive else "dead"
        console.print(
            f"worker {worker.id[:8]} on {worker.host}, pid {worker.pid}: {how}, "
            f"holds {worker.holds}, last seen {worker.heartbeat_at:%H:%M:%S} UTC"
        )


def _batch_table(status: Status) -> Table:
    batches = Table(title="newest batches", title_justify="left")
    for name in ("batch", "loaded", "submissions", "done", "open", "quarantined"):
        batches.add_column(name, justify="right")
    batches.add_column("file", overflow="fold")
    for batch in status.batches:
        still_open = sum(
            batch.by_state.get(state, 0)
            for state in (State.PENDING, State.SUBMITTING, State.IN_DOUBT)
        )
        batches.add_row(
            str(batch.id),
            f"{batch.loaded_at:%Y-%m-%d %H:%M}",
            f"{batch.submissions:,}",
            f"{batch.submissions - still_open:,}",
            f"{still_open:,}",
            f"{batch.quarantined:,}",
            batch.source,
        )
    return batches
