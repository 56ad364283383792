"""A file for node_exporter's textfile collector: how the last night went, and the last good one.

An alert on ``time() - vod_batch_last_success_timestamp_seconds`` needs no more than this file.
"""

import contextlib
import math
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from batch.notify.delivery import Delivery

LAST_SUCCESS = "vod_batch_last_success_timestamp_seconds"

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_KEPT = re.compile(rf"^({LAST_SUCCESS}(?:\{{.*\}})?) [-+0-9.eE]+$")
_READABLE = 0o644  # node_exporter runs as somebody else


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge of one set of labels."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def series(self) -> str:
        """The name with its labels, as the file has them."""
        inside = ",".join(f'{name}="{_quoted(text)}"' for name, text in self.labels.items())
        return f"{self.name}{{{inside}}}" if inside else self.name


def night_metrics(
    *,
    account: str,
    region: str,
    exit_code: int,
    started_at: datetime,
    ended_at: datetime,
    states: Mapping[str, int],
    success_codes: Collection[int] = (0, 3, 5),
    is_success: bool = True,
) -> list[Metric]:
    """Return what a night leaves behind; ``states`` counts submissions by state.

    Without ``is_success`` it is no success, whatever its exit code.
    """
    target = {"account": account, "region": region}
    good = is_success and exit_code in success_codes

    def gauge(name: str, text: str, value: float, **more: str) -> Metric:
        return Metric(f"vod_batch_{name}", text, value, target | more)

    metrics = [
        gauge("last_run_timestamp_seconds", "When the last run ended.", ended_at.timestamp()),
        gauge("last_run_exit_code", "What the last run ended with.", exit_code),
        gauge("last_run_success", "1 when the last run ended well.", float(good)),
        gauge(
            "last_run_duration_seconds",
            "How long the last run took.",
            (ended_at - started_at).total_seconds(),
        ),
        *(
            gauge("submissions", "Submissions by state.", count, state=state)
            for state, count in states.items()
        ),
    ]
    if good:
        metrics.append(
            Metric(LAST_SUCCESS, "When a run last ended well.", ended_at.timestamp(), target)
        )
    return metrics


def write_textfile(path: Path, metrics: Sequence[Metric]) -> None:
    """Replace the file at ``path`` in one step; times of success that are not renewed are kept.

    Raises:
        OSError: it cannot be written; the file of before is untouched.
        ValueError: a name that Prometheus does not take.
    """
    kept = _last_successes(path, {metric.series for metric in metrics})
    text = _exposition(metrics, kept)
    # node_exporter reads *.prom, so the unfinished file must not end like that.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _READABLE)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def record_textfile(path: Path, metrics: Sequence[Metric]) -> Delivery:
    """Write the file as :func:`write_textfile` does, and never raise."""
    try:
        write_textfile(path, metrics)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Delivery("textfile", False, f"{path}: {reason}")
    return Delivery("textfile", True, str(path))


def _last_successes(path: Path, renewed: Collection[str]) -> list[str]:
    """Return the lines of the file of before that hold on, whatever else is in it."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    matches = (_KEPT.match(line) for line in lines)
    return [match[0] for match in matches if match and match[1] not in renewed]


def _exposition(metrics: Sequence[Metric], kept: Sequence[str]) -> str:
    families: dict[str, list[str]] = {}
    helps = {LAST_SUCCESS: "When a run last ended well."}
    for metric in metrics:
        if not _NAME.fullmatch(metric.name) or not all(map(_NAME.fullmatch, metric.labels)):
            raise ValueError(f"not a name for Prometheus: {metric.series}")
        families.setdefault(metric.name, []).append(f"{metric.series} {_number(metric.value)}")
        helps[metric.name] = metric.help
    if kept:
        families.setdefault(LAST_SUCCESS, []).extend(kept)
    return "".join(
        f"# HELP {name} {_escaped(helps[name])}\n# TYPE {name} gauge\n"
        + "".join(f"{line}\n" for line in lines)
        for name, lines in families.items()
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
