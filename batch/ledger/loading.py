"""Load manifests: intake reads and sorts the lines, the ledger keeps them."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from batch.core.models import Target
from batch.core.regions import offered_types
from batch.errors import UsageError
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions
from batch.intake.options import check_options
from batch.intake.quarantine import QuarantineWriter
from batch.intake.sources import (
    STDIN,
    printable_name,
    printable_text,
    spooled,
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
from batch.ledger.staging import copy_rows
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


class ListRefusedError(UsageError):
    """Too little of a list can be used; ``kept`` is the file of its bad lines."""

    def __init__(self, text: str, kept: Path | None) -> None:
        super().__init__(text)
        self.kept = kept


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
        max_bad=0 if settings.strict else settings.max_bad,
    )


async def load_manifest(
    database: Database, target: Target, source: str, settings: Settings
) -> LoadReport:
    """Load one file, or standard input for ``-``, in one transaction.

    Where the database is away meanwhile it is read again from its start.

    Raises:
        UsageError: the options or the input as a whole cannot be used; nothing was loaded.
        ListRefusedError: more of its lines than the settings allow cannot be used.
        DatabaseUnavailableError: nothing of it was loaded.
    """
    options = intake_options(settings)
    check_options(options)
    path = None if source == STDIN else _absolute(source)
    name = printable_name(Path(source))
    # Kept before anything is begun, so that a load which is begun again can read it again.
    with nullcontext() if path else spooled(standard_input()) as stream:
        manifest = Manifest(path, options, stream=stream)
        # Before anything is begun: a long file on a slow disk would leave a transaction idle for
        # longer than a session may (enter.sql).
        stored = manifest.stored_sha256()

        async def load(importing: ManifestImport) -> LoadReport:
            return await _load_once(importing, name, manifest, stored, settings)

        identity = _identity(options)
        report = await import_manifest(database, target, settings.campaign, identity, load)
    if report.counts and report.counts.submissions:
        await database.analyze("submissions")
    for other in report.elsewhere:
        log.warning("media_known_elsewhere", account=other.account, media=other.media)
    return report


def _absolute(source: str) -> Path:
    return Path(source).absolute()


async def _load_once(
    importing: ManifestImport, source: str, manifest: Manifest, stored: str, settings: Settings
) -> LoadReport:
    path = manifest.path
    if known := await importing.find(stored):
        return LoadReport(source, known, None, None)
    with _quarantine(path, settings.quarantine) as quarantine:
        await importing.stage(_good_rows(manifest, quarantine))
        _insist_on_rows(manifest, quarantine)
        # A file may have been written to since it was hashed; what was staged is then dropped.
        if known := await importing.find(manifest.sha256):
            quarantine.abort()
            return LoadReport(source, known, None, None)
        facts = _facts(manifest, quarantine)
        counts = await importing.finish(printable_name(path) if path else source, facts)
        return LoadReport(source, None, facts, counts, await importing.elsewhere())


async def _good_rows(manifest: Manifest, quarantine: QuarantineWriter) -> AsyncIterator[bytes]:
    for chunk in manifest.chunks():
        quarantine.header = manifest.facts.header
        quarantine.write(chunk.quarantined)
        yield copy_rows(chunk.lines, chunk.media_ids, chunk.said)


def _facts(manifest: Manifest, quarantine: QuarantineWriter) -> ManifestFacts:
    path = quarantine.close()
    facts = manifest.facts
    return ManifestFacts(
        sha256=manifest.sha256,
        lines=facts.lines,
        header_lines=facts.header_lines,
        rows=facts.rows,
        blank=facts.blank,
        quarantined=facts.quarantined,
        continued=facts.continued,
        quarantine_path=printable_name(path.absolute()) if path else None,
        form=facts.form,
        encoding=facts.encoding,
        delimiter=facts.delimiter,
        header=printable_text(facts.header),
        columns=facts.columns,
        ignored=tuple(map(printable_text, facts.ignored)),
        tidied=facts.tidied,
        unlike=facts.unlike,
    )


def _insist_on_rows(manifest: Manifest, quarantine: QuarantineWriter) -> None:
    """Refuse a list of which too little could be read; its bad lines stay for a person to see."""
    try:
        manifest.insist_on_rows()
    except UsageError as error:
        path = quarantine.close()
        raise ListRefusedError(f"{error}; see {path}", path) from None


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
