"""Which tests the coverage is measured over: the first case of each.

Measured code runs at less than half its speed, and the cases of a test run much the same lines; so
what is reported is what one case of each test reaches, and never more than all of them do.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import coverage
import pytest

SWITCH = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage's ``subprocess`` patch measures what a measured process starts."""

_IS_FIRST = pytest.StashKey[bool]()


def note_first_cases(items: Sequence[pytest.Item]) -> None:
    """Note which of ``items`` are measured, where anything is."""
    seen = set()
    for item in items:
        test = (item.path, item.parent, getattr(item, "originalname", item.name))
        item.stash[_IS_FIRST] = test not in seen
        seen.add(test)


@contextmanager
def measured_if_first(item: pytest.Item) -> Iterator[None]:
    """Switch measuring off while a later case runs, here and in what it starts."""
    running = coverage.Coverage.current()
    if running is None or item.stash[_IS_FIRST]:
        yield
        return
    running.stop()
    try:
        with starting_unmeasured():
            yield
    finally:
        running.start()


@contextmanager
def starting_unmeasured() -> Iterator[None]:
    """Measure nothing of the processes that are started meanwhile."""
    switch = os.environ.pop(SWITCH, None)
    try:
        yield
    finally:
        if switch is not None:
            os.environ[SWITCH] = switch
