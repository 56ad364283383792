"""The walk over a library that changes meanwhile, and over one that is too large."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from batch.errors import UnavailableError
from batch.look import listing as listings
from batch.look.listing import Listing, Search
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.pace import limiter
from batch.vod.search import MOST_MEDIA, PAGE_SIZE
from tests.support.cloud import Emulator
from tests.support.night import KEY


@asynccontextmanager
async def walking(
    emulator: Emulator, search: Search | None = None, *, url: str = "", most: int = MOST_MEDIA
) -> AsyncIterator[Listing]:
    """Open a walk over the emulator's library, or over what ``url`` makes of it."""
    source = CredentialSource(lambda: KEY)
    async with VodClient(url or emulator.url, source) as client:
        yield Listing(client, limiter(1000), search or Search(), most=most)


Happening = Callable[[Emulator], None]


async def walk(
    emulator: Emulator, listing: Listing, happening: Happening | None = None, after: int = 3
) -> list[str]:
    """Return the ids in the order that they came; something happens after some pages."""
    found: list[str] = []
    page = 0
    async for media in listing.media():
        found += [one.media_id for one in media]
        page += 1
        if happening and page == after:
            await asyncio.to_thread(happening, emulator)
    return found


async def test_media_that_are_added_meanwhile_move_nothing(emulator: Emulator) -> None:
    """They come last, each is seen once, and the list is whole."""
    emulator.library(listed=10_000)
    async with walking(emulator) as listing:
        found = await walk(emulator, listing, lambda cloud: cloud.library(listed=10_130), 57)
    assert len(found) == len(set(found)) == 10_130
    assert found == sorted(found)  # as made-up ids are: the oldest first
    assert listing.gaps() == []


async def test_a_token_that_shows_the_library_as_it_was(emulator: Emulator) -> None:
    """Then what was added meanwhile is not seen, and Total says so too."""
    emulator.library(listed=300)
    emulator.switch(search={"view": "frozen"})
    async with walking(emulator) as listing:
        found = await walk(emulator, listing, lambda cloud: cloud.library(listed=400))
    assert (len(found), listing.gaps()) == (300, [])


async def test_a_deleted_media_may_hide_another_and_that_is_said(emulator: Emulator) -> None:
    """Those behind it move up, and one slips onto a page that was asked for already."""
    emulator.library(listed=300)
    first: list[str] = []
    async with walking(emulator) as listing:
        async for media in listing.media():
            if not first:
                first = [one.media_id for one in media]
                await asyncio.to_thread(emulator.library, missing=first[:1])
    assert listing.found == 299  # as many as are left, and yet not the same ones
    (gap,) = listing.gaps()
    assert "may have been passed over" in gap


@pytest.mark.parametrize("counts_own", [False, True])
async def test_both_ways_to_count_a_hundred_records(emulator: Emulator, counts_own: bool) -> None:
    """Beyond the 5,000 that need no token, whatever the vendor's pages mean."""
    emulator.library(listed=5_200)
    emulator.switch(search={"reach_counts_own_page": counts_own})
    async with walking(emulator) as listing:
        assert len(await walk(emulator, listing)) == 5_200
    assert listing.gaps() == []


@pytest.mark.parametrize("listed", [0, 1, PAGE_SIZE, PAGE_SIZE + 1])
@pytest.mark.parametrize("past_the_end", ["empty", "refuse"])
async def test_the_end_is_found(emulator: Emulator, listed: int, past_the_end: str) -> None:
    """Also where the page behind the last one is refused."""
    emulator.library(listed=listed)
    emulator.switch(search={"past_the_end": past_the_end})
    async with walking(emulator) as listing:
        assert len(await walk(emulator, listing)) == listed
    assert (listing.total, listing.gaps()) == (listed, [])


async def test_of_too_many_media_those_in_reach_are_listed(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """With advice, at once and at the end."""
    emulator.library(listed=250)
    async with walking(emulator, most=200) as listing:
        async for media in listing.media():
            if listing.found == PAGE_SIZE and media:
                assert "narrow it by --match" in "".join(capsys.readouterr())
    assert listing.found == 200
    (gap,) = listing.gaps()
    assert "finds 250 media, and one search shows 200 at most" in gap


async def test_a_total_that_counts_too_few_ends_nothing(emulator: Emulator) -> None:
    """A search engine may count no further than to some bound."""
    emulator.library(listed=300)
    emulator.say(SearchMedia={"Total": {"*": 100}})
    async with walking(emulator) as listing:
        assert len(await walk(emulator, listing)) == 300
    assert listing.gaps() == []


async def test_a_media_that_comes_twice_is_printed_once(emulator: Emulator) -> None:
    """One that is put in among what was seen moves the rest, and is itself not shown: that is said.

    A search over what changes, such as a status, may do so.
    """
    emulator.library(listed=300)
    async with walking(emulator) as listing:
        first = (await walk(emulator, listing))[0]
    emulator.library(missing=[first])
    async with walking(emulator) as listing:
        found = await walk(emulator, listing, lambda cloud: cloud.library(missing=[]))
    assert len(found) == len(set(found)) == 299
    (gap,) = listing.gaps()
    assert "counts 300 media and showed 299" in gap


async def test_an_answer_of_before_is_no_page(emulator: Emulator) -> None:
    """The connection's last one, once more: the page is asked for again."""
    emulator.library(listed=300)
    emulator.fault("repeat_answer", action="SearchMedia", after=2, count=1)
    async with walking(emulator) as listing:
        assert len(await walk(emulator, listing)) == 300
    assert (listing.calls, listing.gaps()) == (8, [])


async def test_an_entry_without_an_id_is_counted(emulator: Emulator) -> None:
    emulator.library(listed=60)
    emulator.say(SearchMedia={"MediaId": {"*": False}, "VideoId": {"*": False}})
    async with walking(emulator) as listing:
        assert await walk(emulator, listing) == []
    assert any("60 entries name no media" in gap for gap in listing.gaps())


@pytest.mark.parametrize("kind", ["html_502", "throttle"])
async def test_a_cloud_that_stays_away_ends_the_walk(
    emulator: Emulator, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_FIRST_WAIT_SECONDS", 0.001)
    emulator.library(listed=300)
    emulator.fault(kind, action="SearchMedia", after=2)
    async with walking(emulator) as listing:
        with pytest.raises(UnavailableError, match="not the whole list"):
            await walk(emulator, listing)
    assert (listing.found, listing.total) == (100, 300)
    assert emulator.asked("SearchMedia") == listing.calls == 2 + 8
    assert "did not come to its end" in listing.gaps()[0]


async def test_a_search_in_its_own_words_reaches_the_cloud(emulator: Emulator) -> None:
    emulator.library(listed=300)
    async with walking(emulator, Search(match="Title = '0000ff'")) as listing:
        assert len(await walk(emulator, listing)) == 1  # number 255, of 0 to 299
