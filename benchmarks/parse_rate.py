"""Read a list: CPU time from bytes to the text that COPY takes, for each shape of list.

    .venv/bin/python -m benchmarks.parse_rate [--rows 400000] [--times 3]

No database is opened. A list of media ids alone has a short way past the csv module of its own,
which the other shapes are held against.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable

from batch.core.models import JobType
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions
from batch.ledger.staging import copy_rows
from benchmarks import common

_SHAPES: dict[str, tuple[str, Callable[[str, int], str]]] = {
    "bare ids": ("media_id", lambda media, _: media),
    "types": ("media_id,types", lambda media, n: f"{media},{('dna', 'AIVideoTag')[n % 2]}"),
    "four columns": (
        "title,media_id,types,note",
        lambda media, n: f"Episode {n},{media},AIMediaDNA,ready",
    ),
    "all in quotes": ('"media_id","types"', lambda media, _: f'"{media}","dna,tag"'),
    "every column": (
        "media_id,types,config,user_data,priority",
        lambda media, n: f'{media},dna,"{{""DNADBId"":""x""}}","{{""n"":{n}}}",{n % 9}',
    ),
}
_LEAST_OF_BARE = 0.15


def _list(shape: str, rows: int) -> bytes:
    header, line = _SHAPES[shape]
    lines = [line(common.media_id(number), number) for number in range(rows)]
    return "\n".join([header, *lines, ""]).encode()


def _seconds(data: bytes, rows: int) -> float:
    """Return the CPU seconds that one reading takes."""
    options = IntakeOptions((JobType.MEDIA_DNA,), frozenset(JobType), "cn-shanghai")
    started = time.process_time()
    manifest = Manifest(None, options, stream=io.BytesIO(data))
    for chunk in manifest.chunks():
        copy_rows(chunk.lines, chunk.media_ids, chunk.said)
    taken = time.process_time() - started
    if manifest.facts.rows != rows:
        raise RuntimeError(f"rows are missing: {manifest.facts.rows:,} of {rows:,}")
    return taken


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Read lists of several shapes.")
    parser.add_argument("--rows", type=int, default=400_000, help="rows of each list (400000)")
    parser.add_argument("--times", type=int, default=3, help="readings, the best counts (3)")
    given = parser.parse_args()
    rates = {}
    for shape in _SHAPES:
        data = _list(shape, given.rows)
        rates[shape] = given.rows / min(_seconds(data, given.rows) for _ in range(given.times))
    common.table(
        ("shape", "rows/s of CPU"), [(shape, f"{rate:,.0f}") for shape, rate in rates.items()]
    )
    print()
    shares = {shape: rates[shape] / rates["bare ids"] for shape in ("types", "four columns")}
    return common.verdict(
        [
            common.Check(f"{shape} / bare ids", f"{share:.2f}", f">= {_LEAST_OF_BARE}",
                         share >= _LEAST_OF_BARE)
            for shape, share in shares.items()
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
