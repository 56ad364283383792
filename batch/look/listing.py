"""A list from the cloud itself: every media that a search finds, page by page.

It is not in the nature of such a walk to be whole: the library changes meanwhile, and one search
shows so many media and no more. So what is known to be missing, or may be, is said at its end.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiolimiter import AsyncLimiter

from batch.core.backoff import delay_seconds
from batch.core.outcome import AccountStopped, Failure, Refused, Throttled
from batch.core.refusal import account_error
from batch.errors import UnavailableError, UsageError, VodBatchError
from batch.ledger.media import MediaLooks
from batch.ledger.targets import check_service
from batch.look.seen import SeenIds
from batch.session import cloud_client, open_session
from batch.settings import Settings
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.pace import limiter
from batch.vod.search import MOST_MEDIA, PAGE_SIZE, FoundMedia, FoundPage, SearchType
from batch.vod.wire import QueryFailed

LOOKED_UP = 2_000
"""Media that the ledger is asked about at a time."""

_TRIES = 8
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 16.0
"""Half a minute and more for a page that gets no answer, or is throttled."""

Unknown = Callable[[Sequence[str]], Awaitable[list[str]]]
"""Returns those of some media that are to be left in, in their order."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Search:
    """Which media to list; ``match`` is in the vendor's own words (document_detail/86991)."""

    search_type: SearchType = SearchType.VIDEO
    match: str | None = None


@contextlib.asynccontextmanager
async def open_listing(
    settings: Settings, search: Search, *, not_in_ledger: bool = False
) -> AsyncIterator["Listing"]:
    """Open what a listing needs: the cloud, and the ledger only where media of it are left out.

    Raises:
        PermissionRefusedError: there is no key.
        ConfigurationError: the ledger's calls have gone to another service than this search.
        VodBatchError: with what to do.
    """
    pace = limiter(settings.search_qps)
    if not_in_ledger:
        async with open_session(settings, sends=True) as session:
            await check_service(session.database, session.target, settings.counterpart)
            looks = MediaLooks(session.database, session.target)
            yield Listing(await session.client(), pace, search, looks.unknown)
    else:
        async with cloud_client(settings, CredentialSource()) as client:
            yield Listing(client, pace, search)


class Listing:
    """One walk over the media that a search finds, and its figures while it goes on.

    ``most`` is how many media one search can reach.
    """

    def __init__(
        self,
        client: VodClient,
        pace: AsyncLimiter,
        search: Search,
        unknown: Unknown | None = None,
        *,
        most: int = MOST_MEDIA,
    ) -> None:
        self._client = client
        self._pace = pace
        self._search = search
        self._unknown = unknown
        self._most = most
        self._seen = SeenIds()
        self._trouble: VodBatchError | None = None
        self._has_fallen = False
        self._is_done = False
        self.total: int | None = None
        """How many the search finds, by the newest answer; ``None`` before the first."""
        self.calls = 0
        self.without_id = 0
        self.left_out = 0
        """Media that the ledger knows."""

    @property
    def found(self) -> int:
        """How many media were seen."""
        return len(self._seen)

    async def media(self) -> AsyncGenerator[list[FoundMedia], None]:
        """Yield the media, the oldest first, each once; some at a time, perhaps none.

        What was found before a failure comes first.

        Raises:
            UsageError: the cloud refuses the search as it is worded.
            UnavailableError: a page gets no answer to trust.
            VodBatchError: the cloud refuses the account or the key; the ledger does not answer.
        """
        held: list[FoundMedia] = []
        async for page in self._pages():
            held += page
            if self._unknown is None or len(held) >= LOOKED_UP:
                yield await self._leave_out(held)
                held = []
        if held or not self._trouble:
            yield await self._leave_out(held)
        if self._trouble:
            raise self._trouble

    def gaps(self) -> list[str]:
        """Say of a walk why its list is not whole, or may not be; nothing where it is."""
        total, found = self.total or 0, self.found
        reasons = []
        if not self._is_done:
            reasons.append("the walk did not come to its end")
        elif total > self._most:
            reasons.append(self._too_many(total))
        elif found < total:
            reasons.append(f"the cloud counts {total} media and showed {found}; list them again")
        if self._has_fallen:
            reasons.append(
                "media were deleted, or stopped to match, meanwhile: others moved up in their "
                "place and may have been passed over; list them again"
            )
        if self.without_id:
            reasons.append(f"{self.without_id} entries name no media")
        return reasons

    async def _leave_out(self, media: list[FoundMedia]) -> list[FoundMedia]:
        if self._unknown is None or not media:
            return media
        unknown = set(await self._unknown([one.media_id for one in media]))
        self.left_out += len(media) - len(unknown)
        return [one for one in media if one.media_id in unknown]

    async def _pages(self) -> AsyncIterator[list[FoundMedia]]:
        """Yield of each page what was not seen before; a failure is kept as the trouble.

        The end is an empty page: that Total counts without a bound is nowhere said.
        """
        token: str | None = None
        try:
            for page_no in range(1, self._most // PAGE_SIZE + 1):
                page = await self._ask(page_no, token)
                self._note(page)
                yield [one for one in page.media if self._seen.add(one.media_id)]
                if not page.entries:
                    break
                token = page.scroll_token or token
        except VodBatchError as error:
            self._trouble = error
        else:
            self._is_done = True

    async def _ask(self, page_no: int, token: str | None) -> FoundPage:
        """Ask for a page, some times where it is throttled or not answered: it is free."""
        search = self._search
        for tries in range(1, _TRIES + 1):
            await self._pace.acquire()
            self.calls += 1
            try:
                return await self._client.search_media(
                    search.search_type, search.match, page_no, token
                )
            except QueryFailed as error:
                outcome = error.outcome
                if self._is_past_the_end(page_no, outcome):
                    return FoundPage((), 0, self.total or 0, None)
                if isinstance(outcome, Refused | AccountStopped) or tries == _TRIES:
                    raise self._error(outcome) from None
                asked = outcome.retry_after_seconds if isinstance(outcome, Throttled) else None
                wait = asked or delay_seconds(tries, base=_FIRST_WAIT_SECONDS)
                await asyncio.sleep(min(wait, _LONGEST_WAIT_SECONDS))
        raise AssertionError("the last try returns or raises")

    def _is_past_the_end(self, page_no: int, outcome: Failure) -> bool:
        """Return whether a refusal may say no more than that there is no such page."""
        is_behind = self.total is not None and (page_no - 1) * PAGE_SIZE >= self.total
        return is_behind and isinstance(outcome, Refused)

    def _note(self, page: FoundPage) -> None:
        if self.total is None and page.total > self._most:
            log.warning("list_too_long", advice=self._too_many(page.total))
        if self.total is not None and page.total < self.total:
            self._has_fallen = True
        self.total = page.total
        self.without_id += page.entries - len(page.media)

    def _too_many(self, total: int) -> str:
        return (
            f"the search finds {total} media, and one search shows {self._most} at most: narrow it "
            "by --match, for instance month by month of CreationTime, and join the lists"
        )

    def _error(self, outcome: Failure) -> VodBatchError:
        if isinstance(outcome, AccountStopped):
            return account_error(outcome)
        if isinstance(outcome, Refused | Throttled):
            said = f"{outcome.code} {outcome.message}"
        else:
            said = outcome.reason
        if isinstance(outcome, Refused) and self.total is None:
            return UsageError(
                f"the cloud refuses the search: {said}; see that --match is written as the "
                "vendor's search protocol has it, as in \"Status in ('Normal')\""
            )
        return UnavailableError(
            f"SearchMedia does not answer any more ({said}); what was printed is not the whole "
            "list: run the command again"
        )
