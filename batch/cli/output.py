"""Results, on stdout."""

import sys
from collections.abc import Iterable

from batch.show.plain import as_json as to_json


def say(*lines: str) -> None:
    """Print result lines."""
    sys.stdout.writelines(line + "\n" for line in lines)
    sys.stdout.flush()


def show(result: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a value as one JSON object, or as lines."""
    say(*([to_json(result)] if as_json else lines))
