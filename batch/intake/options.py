"""Options that can be refused before any file is opened."""

from batch.core.models import JobType
from batch.errors import UsageError
from batch.intake.cells import check_length, parse_config
from batch.intake.decoding import known_encoding
from batch.intake.errors import CellError, echo
from batch.intake.model import PRIORITIES, IntakeOptions


def check_options(options: IntakeOptions) -> None:
    """Raise :class:`UsageError` for options that no manifest could be read with."""
    _check_types(options)
    _check_config(options.config)
    if options.priority not in PRIORITIES:
        raise UsageError(
            f"--priority {options.priority} is out of range; "
            f"give a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}"
        )
    if options.encoding is not None:
        known_encoding(options.encoding)
    if options.column is not None and not options.column.strip():
        raise UsageError("--column is empty; give the name of the column with the media ids")


def _check_types(options: IntakeOptions) -> None:
    if not options.default_types:
        raise UsageError("no job type is given; say --type AIMediaDNA or --type AIVideoTag")
    for job_type in options.default_types:
        if job_type not in options.offered:
            offers = ", ".join(t for t in JobType if t in options.offered) or "no video AI at all"
            raise UsageError(
                f"{job_type} is not offered in region {echo(options.region)}, "
                f"which offers {offers}; choose another --type or region"
            )


def _check_config(config: str | None) -> None:
    if config is None:
        return
    try:
        canonical = parse_config(config, "--config")
    except CellError as error:
        raise UsageError(f'{error}; give an object such as {{"DNADBId":"..."}}') from None
    try:
        check_length(canonical)
    except CellError as error:
        raise UsageError(f"--config is too long: {error}; give a shorter one") from None
