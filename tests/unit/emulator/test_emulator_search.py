"""SearchMedia: paging rules, order, fields and Match (document_detail/86044 and 86991)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from batch.emulator.library import made_up_id

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, Reply, StartEmulator

LIBRARY = """
[media]
listed = 6000
library = ["own"]
[media.statuses]
Blocked = ["own"]
"""
OLDEST_FIRST = {"SortBy": "CreationTime:Asc"}


async def search(emulator: "Emulator", **query: str) -> "Reply":
    """Make a call."""
    return await emulator.v3("SearchMedia", query)


def ids(reply: "Reply") -> list[str]:
    """Return the ids of a page."""
    assert reply.code == "OK", reply.text
    return [entry["MediaId"] for entry in reply.json["MediaList"]]


async def test_a_page_begins_with_the_newest_and_says_little(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator(LIBRARY)
    reply = await search(emulator)
    assert ids(reply) == [made_up_id(number) for number in range(5999, 5989, -1)]
    assert reply.json["Total"] == 6001
    assert len(reply.json["ScrollToken"]) == 32
    assert reply.json["MediaList"][0] == {
        "MediaId": made_up_id(5999),
        "MediaType": "video",
        "CreationTime": "2025-01-01T01:40:00Z",
    }


async def test_fields_are_given_where_they_are_asked_for(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(LIBRARY)
    reply = await search(emulator, **OLDEST_FIRST, PageSize="1", Fields="Title,Status,StorageClass")
    (entry,) = reply.json["MediaList"]
    assert entry["Video"] == {"VideoId": "own", "Title": "Video own", "Status": "Blocked"}


async def test_made_up_media_exist(start_emulator: "StartEmulator") -> None:
    """For the other operations too, those that are listed and no further."""
    emulator = await start_emulator(LIBRARY)
    query = {"VideoIds": f"{made_up_id(5999)},{made_up_id(6000)},other"}
    body = (await emulator.v3("GetVideoInfos", query)).json
    assert [one["CreationTime"] for one in body["VideoList"]] == ["2025-01-01T01:40:00Z"]
    assert body["NonExistVideoIds"] == [made_up_id(6000), "other"]


@pytest.mark.parametrize(
    ("own_counts", "size", "page", "furthest"),
    [(False, 20, 1, 6), (False, 20, 2, 7), (False, 100, 1, 2), (False, 50, 1, 3),
     (True, 20, 1, 5), (True, 20, 2, 6), (True, 100, 1, 1), (True, 50, 1, 2)],
)  # fmt: skip
async def test_a_token_reaches_a_hundred_records_further(
    start_emulator: "StartEmulator", own_counts: bool, size: int, page: int, furthest: int
) -> None:
    """Back it leads, too."""
    switch = f"reach_counts_own_page = {str(own_counts).lower()}"
    emulator = await start_emulator(f"{LIBRARY}\n[search]\n{switch}")
    first = await search(emulator, PageSize=str(size), PageNo=str(page))
    reach = {"PageSize": str(size), "ScrollToken": first.json["ScrollToken"]}
    codes = [
        (await search(emulator, **reach, PageNo=str(number))).code
        for number in (1, furthest, furthest + 1)
    ]
    assert codes[1:] == ["OK", "InvalidParameter"]
    assert codes[0] == "OK" or page == furthest


async def test_without_a_token_5000_records_can_be_reached(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator(LIBRARY)
    last = await search(emulator, PageSize="100", PageNo="50")
    beyond = await search(emulator, PageSize="100", PageNo="51")
    token = {"PageSize": "100", "ScrollToken": last.json["ScrollToken"]}
    further = await search(emulator, **token, PageNo="51")
    assert (len(ids(last)), beyond.code, len(ids(further))) == (100, "InvalidParameter", 100)


async def test_no_token_leads_further_than_all_that_can_be_reached(
    start_emulator: "StartEmulator",
) -> None:
    emulator = await start_emulator(f"{LIBRARY}\n[search]\nmost = 100\nwithout_token = 100")
    token = (await search(emulator, PageSize="100")).json["ScrollToken"]
    beyond = await search(emulator, PageSize="100", PageNo="2", ScrollToken=token)
    assert beyond.code == "InvalidParameter"


@pytest.mark.parametrize(
    "query",
    [
        {"PageNo": "0"}, {"PageNo": "one"}, {"PageSize": "101"}, {"PageSize": "-1"},
        {"SearchType": "film"}, {"SortBy": "Title:Asc"}, {"ScrollToken": "x"},
        {"ScrollToken": "0" * 32}, {"Match": "Status"}, {"Match": "Status = Normal"},
        {"Match": "Size = '1'"}, {"Match": "Status = 'a' or Status = 'b'"},
        {"Match": "Status = 'a' and"}, {"Match": "Status in ()"}, {"Match": "Status != 'a'"},
    ],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused(
    emulator: "Emulator", query: Mapping[str, str]
) -> None:
    reply = await search(emulator, **query)
    assert (reply.status, reply.code) == (400, "InvalidParameter")


async def test_a_token_belongs_to_its_search(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(LIBRARY)
    token = (await search(emulator)).json["ScrollToken"]
    assert (await search(emulator, ScrollToken=token, PageNo="2")).code == "OK"
    for other in (OLDEST_FIRST, {"Match": "Status = 'Normal'"}, {"SearchType": "audio"}):
        reply = await search(emulator, ScrollToken=token, PageNo="2", **other)
        assert reply.code == "InvalidParameter"


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("", 6001),
        ("Status = 'Blocked'", 1),
        ('Status="Normal"', 6000),
        ("Status in ('Blocked', 'Normal')", 6001),
        ("Status in ('Blocked','Checking') and Title = 'own'", 1),
        ("status = 'Blocked'", None),
        ("Title = 'own' AND Status = 'Normal'", 0),
        ("Title in ('own', '176f')", 2),
    ],
)
async def test_match(start_emulator: "StartEmulator", match: str, found: int | None) -> None:
    """A field's name in its own spelling; Title by a part of it."""
    emulator = await start_emulator(LIBRARY)
    reply = await search(emulator, Match=match)
    assert reply.json.get("Total") == found


async def test_other_kinds_of_media_are_not_held(start_emulator: "StartEmulator") -> None:
    """Nothing scrolls over images."""
    emulator = await start_emulator(LIBRARY)
    for kind in ("audio", "image", "attached"):
        body = (await search(emulator, SearchType=kind)).json
        assert (body["MediaList"], body["Total"], "ScrollToken" in body) == ([], 0, False)


@pytest.mark.parametrize(
    ("past_the_end", "code"), [("empty", "OK"), ("refuse", "InvalidParameter")]
)
async def test_behind_the_last_page(
    start_emulator: "StartEmulator", past_the_end: str, code: str
) -> None:
    emulator = await start_emulator(f'media.listed = 10\nsearch.past_the_end = "{past_the_end}"')
    assert (await search(emulator, PageNo="2")).code == code
    assert (await search(await start_emulator("media.listed = 0"))).code == "OK"


@pytest.mark.parametrize(("view", "total"), [("live", 14), ("frozen", 10)])
async def test_the_library_can_change_while_it_runs(
    start_emulator: "StartEmulator", view: str, total: int
) -> None:
    """What is missing is gone at once; what is new may be behind the token's time."""
    emulator = await start_emulator(f'media.listed = 10\nsearch.view = "{view}"')
    token = (await search(emulator, **OLDEST_FIRST)).json["ScrollToken"]
    assert await emulator.post("media", {"listed": 15, "missing": [made_up_id(0)]}) == 200
    page = await search(emulator, **OLDEST_FIRST, ScrollToken=token)
    assert page.json["Total"] == total
    assert ids(page)[0] == made_up_id(1)
    assert await emulator.get("media") == {"listed": 15, "missing": [made_up_id(0)]}
    assert await emulator.post("media", {"listed": -1}) == 400
