"""What SearchMedia is asked and answers, shape by shape."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from batch.show.found import found_row
from batch.vod.search import FoundMedia, SearchType, read_found_page, search_params
from batch.vod.wire import UnreadableError


def test_the_parameters_of_a_page() -> None:
    first = search_params(SearchType.VIDEO, None, 1, None)
    assert first == {
        "SearchType": "video",
        "Fields": "Title,Duration,Status,StorageClass",
        "SortBy": "CreationTime:Asc",
        "PageNo": "1",
        "PageSize": "50",
    }
    later = search_params(SearchType.AUDIO, "Status = 'Normal'", 2, "t")
    assert later == first | {
        "SearchType": "audio", "PageNo": "2", "Match": "Status = 'Normal'", "ScrollToken": "t",
    }  # fmt: skip


def test_a_video_and_an_audio() -> None:
    video = {
        "MediaId": "v",
        "CreationTime": "2026-01-02T03:04:05Z",
        "Video": {"VideoId": "v", "Title": "a\nb", "Duration": 12.5, "Status": "Normal",
                  "StorageClass": "IA"},
    }  # fmt: skip
    audio = {"Audio": {"AudioId": "a", "Duration": 0, "CreationTime": "2026-01-02T03:04:05Z"}}
    page = read_found_page({"MediaList": [video, audio], "Total": 2, "ScrollToken": "t"})
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert page.media == (
        FoundMedia("v", "a b", Decimal("12.5"), "Normal", "IA", moment),
        FoundMedia("a", None, None, None, None, moment),
    )
    assert (page.entries, page.total, page.scroll_token) == (2, 2, "t")


@pytest.mark.parametrize("entry", [None, "v", {}, {"MediaId": ""}, {"MediaId": 7}])
def test_an_entry_that_names_no_media(entry: Any) -> None:
    page = read_found_page({"MediaList": [entry], "Total": "1"})
    assert (page.media, page.entries, page.total) == ((), 1, 1)


def test_an_empty_page_may_have_no_list() -> None:
    assert read_found_page({"Total": 7}).entries == 0


@pytest.mark.parametrize("total", [None, True, "many", 1.5])
def test_a_page_without_a_total_is_none(total: Any) -> None:
    with pytest.raises(UnreadableError):
        read_found_page({"MediaList": [], "Total": total})


@pytest.mark.parametrize(
    ("seconds", "shown"), [("60.000", 60), ("12.500", 12.5), ("0.040", 0.04), (None, None)]
)
def test_a_length_is_shown_in_seconds(seconds: str | None, shown: float | None) -> None:
    length = Decimal(seconds) if seconds else None
    row = found_row(FoundMedia("v", None, length, None, None, None))
    assert (row["duration"], row["created_at"]) == (shown, None)
