"""The result file of a batch, beside its manifest: one row a submission, in manifest order."""

import contextlib
import csv
import secrets
from collections.abc import Mapping
from pathlib import Path

from batch.show.insights import EXPORT_COLUMNS, Insights


async def write_results(insights: Insights, manifests: Mapping[int, Path]) -> dict[int, str]:
    """Write ``<manifest>.results.csv`` for each batch, whole or not at all.

    Return the batches whose file could not be written, with the reason.
    """
    troubles = {}
    for batch, manifest in manifests.items():
        path = manifest.with_name(f"{manifest.name}.results.csv")
        temporary = path.with_name(f".{secrets.token_hex(8)}.results.tmp")
        try:
            await _write(insights, batch, temporary)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            troubles[batch] = error.strerror or str(error)
    return troubles


async def _write(insights: Insights, batch: int, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        async for row in insights.export(None, batch):
            writer.writerow(row)
