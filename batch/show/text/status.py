"""The state of a target, as tables on a terminal."""

from collections.abc import Iterator
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from batch.core.states import State
from batch.show.insights import Status
from batch.show.text.parts import cost_lines, hold_line, word_lines

_WIDEST = 10_000
"""Of a line: paths and JobIds are copied from here and searched for, so none is broken."""


def status_lines(status: Status) -> Iterator[str]:
    """Show the state of a target in tables, coloured where stdout is a terminal."""
    # Lists and reasons are others' words: what looks like rich's own markup is part of them.
    console = Console(highlight=False, markup=False, emoji=False, width=_WIDEST)
    with console.capture() as captured:
        for part in _parts(status):
            console.print(part)
    yield from captured.get().removesuffix("\n").split("\n")


def _parts(status: Status) -> Iterator[Table | str]:
    yield _state_table(status)
    if not status.batches:
        yield "no batch yet; begin with: vod-batch load FILE.csv"
        return
    yield _batch_table(status)
    yield from cost_lines(asdict(status.costs))
    yield from map(hold_line, status.holds)
    for charge in status.extra_charges:
        yield (
            f"charged more than once: {charge.media_id} {charge.job_type}, "
            f"jobs {', '.join(charge.job_ids)}"
        )
    yield from word_lines([asdict(word) for word in status.unseen])
    if status.unknown_jobs:
        yield (
            f"{status.unknown_jobs:,} JobIds that the cloud does not know: "
            "vod-batch resolve --all --disown"
        )
    for worker in status.workers:
        how = "running" if worker.alive else "dead"
        yield (
            f"worker {worker.id[:8]} on {worker.host}, pid {worker.pid}: {how}, "
            f"holds {worker.holds}, last seen {worker.heartbeat_at:%H:%M:%S} UTC"
        )


def _state_table(status: Status) -> Table:
    states = Table(title=f"{status.account} in {status.region}", title_justify="left")
    states.add_column("state")
    states.add_column("submissions", justify="right")
    for state, count in status.states.items():
        states.add_row(state, f"{count:,}", style=None if count else "dim")
    states.add_section()
    states.add_row("all", f"{sum(status.states.values()):,}")
    return states


def _batch_table(status: Status) -> Table:
    # Without lines, for a path may be longer than the terminal is wide.
    batches = Table(
        title="newest batches", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("batch", "loaded", "submissions", "done", "open", "quarantined"):
        batches.add_column(name, justify="right", no_wrap=True)
    batches.add_column("file", no_wrap=True)
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
