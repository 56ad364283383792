"""The command of the night shift: nightly."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from batch.cli.options import CLOUD, JsonOption, takes
from batch.night.inbox import Inbox
from batch.night.night_lock import lock_night
from batch.settings import Settings


@takes(
    "until", "timezone", "max_duration", "budget", "preflight", "skip_existing", "qps",
    "max_submissions", "type", "campaign", *CLOUD,
)  # fmt: skip
def nightly(
    settings: Settings,
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="Folder that new CSV files arrive in.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    raise typer.Exit(asyncio.run(_nightly(settings, inbox, as_json=as_json)))


async def _nightly(settings: Settings, folder: Path, *, as_json: bool) -> int:
    inbox = Inbox(folder, settings.settled_after.total_seconds())
    async with lock_night(settings) as locked:
        # Only who has the lock waits for the worker, the cloud's client and the notifier to load.
        from batch.cli.night_shift import spend_night

        return await spend_night(locked, inbox, as_json=as_json)


COMMANDS = {"nightly": nightly}
