"""``vod-batch selftest``: the crash test with a meter."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch.cli.output import say
from batch.errors import ExitCode
from batch.logs import silence_logs

if TYPE_CHECKING:
    from batch.selftest.rounds import RoundResult
    from batch.selftest.settled import Settled


def selftest(
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of random faults and harms.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed draws the same rounds.")] = 1,
    crash_at_every_step: Annotated[
        bool,
        typer.Option(
            "--crash-at-every-step", help="Kill a worker at each await point and statement."
        ),
    ] = False,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            help="Server to make a database of its own on, dropped after it. [the embedded one]",
        ),
    ] = None,
) -> None:
    from batch.selftest.rig import open_rig
    from batch.selftest.rounds import every_step, random_rounds

    silence_logs()
    started = time.monotonic()
    results: list[RoundResult] = []
    with (
        tempfile.TemporaryDirectory(prefix="vod-batch-selftest-") as temporary,
        open_rig(Path(temporary), database_url) as rig,
    ):
        walk = (
            every_step(rig, seed=seed)
            if crash_at_every_step
            else random_rounds(rig, rounds=rounds, seed=seed)
        )
        for result in walk:
            results.append(result)
            if not result.balance.holds:
                say(f"BROKEN in {result.name} of seed {seed}: {result}")
    say(*_totals(results, time.monotonic() - started), "", *_settled(results))
    broken = any(not result.balance.holds for result in results)
    raise typer.Exit(ExitCode.DONE_WITH_FAILURES if broken else ExitCode.DONE)


def _totals(results: "list[RoundResult]", seconds: float) -> Iterator[str]:
    def total(field: str) -> int:
        return sum(getattr(result.balance, field) for result in results)

    harms = Counter(harm for result in results for harm in result.harms)
    yield f"{len(results):,} rounds, in {seconds:.0f} s"
    for harm, times in harms.most_common():
        yield f"  {harm.value:<35} {times:>9,}"
    yield f"  jobs made    {total('jobs_made'):>9,}"
    yield f"  jobs known   {total('jobs_known'):>9,}"
    asked = sum(result.asked for result in results)
    yield f"  left to ask  {asked:>9,}   (answered by an honest operator)"
    yield f"  paid twice   {total('paid_twice'):>9,}"
    yield f"  missing      {total('missing') + total('lost_rows'):>9,}"
    yield f"  stuck        {total('stuck'):>9,}"


def _settled(results: "list[RoundResult]") -> Iterator[str]:
    """Yield a line a fault: how often it happened, and what settled it."""
    from batch.selftest.settled import WAYS

    settled: Settled = Counter()
    for result in results:
        settled += result.settled
    times: Counter[str] = Counter()
    for (fault, _way), count in settled.items():
        times[fault] += count
    if not times:
        return
    wide = max(len(fault) for fault in times)
    yield f"{'fault':<{wide}}   times   settled by"
    for fault in sorted(times):
        ways = ", ".join(f"{way} {n}" for way in WAYS if (n := settled[fault, way]))
        yield f"{fault:<{wide}}   {times[fault]:>5,}   {ways}"


COMMANDS = {"selftest": selftest}
