"""The command that prints a list from the cloud itself: list."""

import asyncio
import contextlib
import csv
import sys
from collections.abc import Callable, Iterable
from typing import Annotated

import structlog
import typer

from batch.cli.options import CLOUD, takes
from batch.errors import ExitCode
from batch.logs import configure_logs
from batch.look.listing import Listing, Search, open_listing
from batch.settings import Settings
from batch.show.found import FOUND_COLUMNS, found_row
from batch.show.plain import as_json as to_json
from batch.vod.search import SearchType

log = structlog.get_logger()


@takes(*CLOUD)
def list_media(
    settings: Settings,
    match: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help="Only these, as in \"Status in ('Normal')\"."),
    ] = None,
    search_type: Annotated[SearchType, typer.Option(help="Kind of media.")] = SearchType.VIDEO,
    not_in_ledger: Annotated[
        bool, typer.Option("--not-in-ledger", help="Leave out media that the ledger knows.")
    ] = False,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of CSV.")
    ] = False,
) -> None:
    configure_logs(settings.log_format)
    search = Search(search_type, match)
    raise typer.Exit(asyncio.run(_list(settings, search, not_in_ledger, as_json=as_json)))


async def _list(
    settings: Settings, search: Search, not_in_ledger: bool, *, as_json: bool
) -> ExitCode:
    from batch.cli.progress import watch_listing  # slow to import

    write = _write_json if as_json else _csv_writer()
    printed = 0
    async with open_listing(settings, search, not_in_ledger=not_in_ledger) as listing:
        try:
            with watch_listing() as tell:
                async with contextlib.aclosing(listing.media()) as found:
                    async for media in found:
                        write(map(found_row, media))
                        sys.stdout.flush()
                        printed += len(media)
                        tell(listing.found, listing.total)
        finally:
            is_whole = _summarise(listing, printed)
    return ExitCode.DONE if is_whole else ExitCode.DONE_WITH_FAILURES


def _summarise(listing: Listing, printed: int) -> bool:
    """Log what came of it; return whether the list is whole."""
    gaps = listing.gaps()
    for reason in gaps:
        log.warning("list_not_whole", reason=reason)
    log.info(
        "listed",
        found=listing.found,
        total=listing.total,
        printed=printed,
        left_out=listing.left_out,
        calls=listing.calls,
    )
    return not gaps


_Rows = Iterable[dict[str, object]]


def _csv_writer() -> Callable[[_Rows], None]:
    """Return what writes rows, before the first of them the header."""
    writer = csv.DictWriter(sys.stdout, FOUND_COLUMNS, lineterminator="\n")
    is_begun = False

    def write(rows: _Rows) -> None:
        nonlocal is_begun
        if not is_begun:
            writer.writeheader()
            is_begun = True
        writer.writerows(rows)

    return write


def _write_json(rows: _Rows) -> None:
    sys.stdout.writelines(to_json(row) + "\n" for row in rows)


COMMANDS = {"list": list_media}
