"""How a target stands, as tables on a terminal."""

from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from batch.cli.render_story import hold_line
from batch.core.states import State
from batch.report.insights import Status
from batch.report.money import cost_lines
from batch.report.words import word_lines


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
    for line in cost_lines(asdict(status.costs)):
        console.print(line)
    for hold in status.holds:
        console.print(hold_line(hold), soft_wrap=True)
    for charge in status.extra_charges:
        console.print(
            f"charged more than once: {charge.media_id} {charge.job_type}, "
            f"jobs {', '.join(charge.job_ids)}"
        )
    for line in word_lines([asdict(word) for word in status.unseen]):
        console.print(line, soft_wrap=True, markup=False)
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
