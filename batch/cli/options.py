"""Options that several commands share. Unset is ``None``, so that environment and file count."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

MOST_BATCHES = 2**63 - 1
"""As PostgreSQL's bigint has it."""

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the embedded database and the journals.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database-url", help="PostgreSQL to use; without one, the embedded server."),
]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="Your name for the cloud account.")
]
RegionOption = Annotated[str | None, typer.Option("--region", help="Region of the media.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="Overrides the region's host.")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Stop at this time of day, such as 06:00.")
]
TimezoneOption = Annotated[
    str | None, typer.Option("--timezone", help="Time zone of --until. [UTC]")
]
MaxDurationOption = Annotated[
    str | None, typer.Option("--max-duration", help="Stop after this long, such as 5h.")
]
BudgetOption = Annotated[
    str | None,
    typer.Option("--budget", help="Reserve no more than this, in the currency of the prices."),
]
SkipExistingOption = Annotated[
    Literal["auto", "always", "never"] | None,
    typer.Option(
        "--skip-existing",
        help="Take jobs that the cloud has made already, instead of paying. [auto]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


class ExportFormat(StrEnum):
    """How ``export`` writes rows."""

    CSV = "csv"
    JSONL = "jsonl"
