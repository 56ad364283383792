"""The parts of a night in the log: that each begins, and what it came to."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import structlog

from batch.core.states import State
from batch.errors import VodBatchError
from batch.look.preflight import PreflightSummary
from batch.night.canary import JudgedCanary
from batch.night.night import Night
from batch.reconcile.reconciler import ReconcileSummary
from batch.submit.tally import RunSummary

log = structlog.get_logger()

Figures = dict[str, object]


@contextlib.contextmanager
def phase(name: str) -> Iterator[Figures]:
    """Log that a part begins and that it ends, with the figures that the block leaves."""
    figures: Figures = {}
    started = time.monotonic()
    log.info("phase_begins", phase=name)
    try:
        yield figures
    except VodBatchError as error:
        figures["error"] = str(error)
        raise
    finally:
        log.info("phase_ends", phase=name, seconds=round(time.monotonic() - started, 1), **figures)


def load_figures(night: Night) -> Figures:
    """Return what came in this night, in lists and submissions."""
    counts = [load.counts for load in night.loads if load.counts]
    return {
        "lists": len(night.loads),
        "known_lists": sum(load.known is not None for load in night.loads),
        "failed_lists": len(night.failed),
        "waiting_lists": len(night.waiting),
        "submissions": sum(one.submissions for one in counts),
        "quarantined": sum(load.facts.quarantined for load in night.loads if load.facts),
    }


def look_figures(summary: PreflightSummary) -> Figures:
    """Return what the looks at media came to."""
    return {
        "looked_at": summary.looked_at,
        "not_there": summary.not_there,
        "put_off": summary.put_off,
        "failed_calls": summary.failed_calls,
    }


def canary_figures(canaries: tuple[JudgedCanary, ...]) -> Figures:
    """Return how many batches passed, failed, or wait for their canary still."""
    verdicts = Counter(judged.verdict.value if judged.verdict else "open" for judged in canaries)
    return {"batches": len(canaries), **verdicts}


def submit_figures(summary: RunSummary) -> Figures:
    """Return what a run of the worker came to, in submissions and requests."""
    return {
        "stopped_by": summary.stopped_by.value,
        "requests": summary.requests,
        "submitted": summary.states.get(State.SUBMITTED, 0),
        "rejected": summary.states.get(State.REJECTED, 0),
        "in_doubt": summary.left_in_doubt,
        "left": summary.left_pending,
        "worst_second": summary.worst_second,
    }


def reconcile_figures(summary: ReconcileSummary) -> Figures:
    """Return what a reconcile came to, in submissions."""
    return {
        "settled": sum(summary.settled.values()),
        "succeeded": summary.ended.get(State.SUCCEEDED, 0),
        "failed": summary.ended.get(State.FAILED, 0),
        "open_jobs": summary.open_jobs,
        "in_doubt": summary.in_doubt,
        "failed_calls": summary.failed_calls,
    }
