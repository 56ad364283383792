"""The result file of a batch, beside its manifest: one row a submission, in manifest order."""

import csv
from collections.abc import Mapping
from pathlib import Path

from batch.report.insights import EXPORT_COLUMNS, Insights


async def write_results(insights: Insights, manifests: Mapping[int, Path]) -> list[Path]:
    """Write ``<manifest>.results.csv`` for each batch, whole or not at all; return the paths.

    Raises:
        OSError: the folder does not take them.
    """
    written = []
    for batch, manifest in manifests.items():
        path = manifest.with_name(f"{manifest.name}.results.csv")
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, EXPORT_COLUMNS, lineterminator="\n")
            writer.writeheader()
            async for row in insights.export(None, batch):
                writer.writerow(row)
        temporary.replace(path)
        written.append(path)
    return written
