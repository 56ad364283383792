"""Load manifests: intake reads and sorts the lines, the ledger keeps them."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from batch.core.models import Target
from batch.core.regions import offered_types
from batch.intake.manifest import (
    BareLines,
    IntakeOptions,
    Manifest,
    QuarantineWriter,
    check_options,
    file_sha256,
    printable_name,
    standard_input,
)
from batch.ledger.database import Database
from batch.ledger.manifests import (
    BatchCounts,
    Elsewhere,
    KnownBatch,
    ManifestFacts,
    ManifestImport,
    import_manifest,
)
from batch.ledger.staging import copy_bare, copy_rows
from batch.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of one input. ``known`` is set when its bytes had been loaded before.

    ``elsewhere`` names other accounts of the region that know some of the media: perhaps one
    account under two names, which would pay for them twice.
    """

    source: str
    known: KnownBatch | None
    facts: ManifestFacts | None
    counts: BatchCounts | None
    elsewhere: tuple[Elsewhere, ...] = ()


def intake_options(settings: Settings) -> IntakeOptions:
    """Return how to read a manifest under ``settings``."""
    return IntakeOptions(
        default_types=settings.type,
        offered=offered_types(settings.region),
        region=settings.region,
        column=settings.column,
        encoding=settings.encoding,
        config=settings.config,
        priority=settings.priority,
    )


async def load_manifest(
    database: Database, target: Target, source: str, settings: Settings
) -> LoadReport:
    """Load one file, or standard input for ``-``, in one transaction.

    Where the database is away meanwhile it is read again from its start.

    Raises:
        UsageError: the options or the input as a whole cannot be used; nothing was loaded.
        DatabaseUnavailableError: nothing of it was loaded.
    """
    options = intake_options(settings)
    check_options(options)
    path = None if source == "-" else _absolute(source)
    told = printable_name(Path(source))
    stream = None if path else _that_can_be_read_again(standard_input())
    start = stream.tell() if stream else 0

    async def load(importing: ManifestImport) -> LoadReport:
        if stream:
            stream.seek(start)
        manifest = Manifest(path, options, stream=stream)
        if path and (known := await importing.find(file_sha256(path))):
            return LoadReport(told, known, None, None)
        with _quarantine(path, settings.quarantine) as quarantine:
            await importing.stage(_good_rows(manifest, quarantine))
            # Standard input shows its hash only at its end; what was staged is then dropped.
            if known := await importing.find(manifest.sha256):
                quarantine.abort()
                return LoadReport(told, known, None, None)
            facts = _facts(manifest, quarantine)
            counts = await importing.finish(printable_name(path) if path else told, facts)
            return LoadReport(told, None, facts, counts, await importing.elsewhere())

    identity = _identity(options)
    report = await import_manifest(database, target, settings.campaign, identity, load)
    if report.counts and report.counts.submissions:
        await database.analyze("submissions")
    for other in report.elsewhere:
        log.warning("media_known_elsewhere", account=other.account, media=other.media)
    return report


def _that_can_be_read_again(stream: BinaryIO | None) -> BinaryIO | None:
    """Return a stream that can be read again: what a pipe brings is kept in a file of its own."""
    if stream is None or stream.seekable():
        return stream
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - it is read until the load is committed
    shutil.copyfileobj(stream, kept)
    kept.seek(0)
    return kept


def _absolute(source: str) -> Path:
    return Path(source).absolute()


async def _good_rows(manifest: Manifest, quarantine: QuarantineWriter) -> AsyncIterator[bytes]:
    for piece in manifest.pieces():
        if isinstance(piece, BareLines):
            yield copy_bare(piece.first, piece.media_ids)
        else:
            quarantine.write(piece.quarantined)
            yield copy_rows(piece.rows)


def _facts(manifest: Manifest, quarantine: QuarantineWriter) -> ManifestFacts:
    path = quarantine.close()
    return ManifestFacts(
        manifest.sha256,
        manifest.lines,
        manifest.rows,
        manifest.quarantined,
        printable_name(path.absolute()) if path else None,
    )


def _quarantine(path: Path | None, chosen: Path | None) -> QuarantineWriter:
    beside = path.parent if path else Path.cwd()
    return QuarantineWriter(chosen or beside, path.name if path else "stdin")


def _identity(options: IntakeOptions) -> dict[str, object]:
    """Return what changes a line's meaning: the same bytes under another identity are new work."""
    return {
        "types": sorted(options.default_types),
        "config": options.config,
        "column": options.column,
        "encoding": options.encoding,
        "priority": options.priority,
    }
