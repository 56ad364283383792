"""``vod-batch selftest``: the crash test with a meter."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch.cli.render import say
from batch.errors import ExitCode
from batch.logs import silence_logs

if TYPE_CHECKING:
    from batch.selftest.rounds import RoundResult


def selftest(
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of random faults and kills.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed draws the same rounds.")] = 1,
    crash_at_every_step: Annotated[
        bool,
        typer.Option(
            "--crash-at-every-step", help="Kill a worker at each await point and statement."
        ),
    ] = False,
) -> None:
    """Kill workers under faults, on a database and an emulator of its own, and count the jobs."""
    from batch.selftest.rig import Rig, open_rig
    from batch.selftest.rounds import every_step, random_rounds

    silence_logs()
    started = time.monotonic()
    results: list[RoundResult] = []

    def walk(rig: Rig, folder: Path) -> "Iterator[RoundResult]":
        if crash_at_every_step:
            yield from every_step(rig, folder, seed=seed)
        else:
            yield from random_rounds(rig, folder, rounds=rounds, seed=seed)

    with (
        tempfile.TemporaryDirectory(prefix="vod-batch-selftest-") as temporary,
        open_rig(Path(temporary) / "home") as rig,
    ):
        for result in walk(rig, Path(temporary)):
            results.append(result)
            if not result.holds:
                say(f"BROKEN in {result.name} of seed {seed}: {result}")
    say(*_totals(results, time.monotonic() - started))
    broken = any(not result.holds for result in results)
    raise typer.Exit(ExitCode.DONE_WITH_FAILURES if broken else ExitCode.DONE)


def _totals(results: "list[RoundResult]", seconds: float) -> Iterator[str]:
    def total(field: str) -> int:
        return sum(getattr(result, field) for result in results)

    yield f"{len(results):,} rounds, {total('kills'):,} workers killed, in {seconds:.0f} s"
    yield f"  jobs made    {total('jobs_made'):>9,}"
    yield f"  jobs known   {total('jobs_known'):>9,}"
    yield f"  in doubt     {total('in_doubt'):>9,}"
    yield f"  paid twice   {total('paid_twice'):>9,}"
    yield f"  missing      {total('missing') + total('lost_rows'):>9,}"


COMMANDS = {"selftest": selftest}
