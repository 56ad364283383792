"""SearchMedia: a page of the library (document_detail/86044)."""

import zlib
from dataclasses import dataclass
from typing import Any

from batch.emulator.actions.shared import describe_media
from batch.emulator.call import Call
from batch.emulator.refusals import Refused
from batch.emulator.settings import SearchSettings
from batch.emulator.world import World

_TYPES = ("video", "audio", "image", "attached")
_CAN_SCROLL = ("video", "audio")
_ORDERS = ("CreationTime:Desc", "CreationTime:Asc")
_LONGEST_PAGE = 100
_TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True)
class _Token:
    """What a ScrollToken stands for: the record where its page ended, how many were found at
    first, and for which search; 32 characters.
    """

    end: int
    found: int
    search: str

    def __str__(self) -> str:
        text = f"{self.end:08x}{self.found:08x}{zlib.crc32(self.search.encode()):08x}"
        return f"{text}{zlib.crc32(text.encode()):08x}"


def search_media(world: World, call: Call) -> dict[str, Any]:
    """Return a page of the media found; the library holds videos only."""
    kind = _one_of(call, "SearchType", _TYPES)
    order = _one_of(call, "SortBy", _ORDERS)
    page, size = _number(call, "PageNo", 1), _number(call, "PageSize", 10, _LONGEST_PAGE)
    search = "\n".join((kind, order, call.get("Match")))
    token = _read_token(call, search, can_scroll=kind in _CAN_SCROLL)
    settings = world.settings.search
    _check_reach(settings, token, page * size, size)
    found = world.library.find(call.get("Match"))
    if kind != "video":
        found = []
    if token and settings.view == "frozen":
        found = found[: token.found]
    shown = _page(found, (page - 1) * size, page * size, newest_first=order == _ORDERS[0])
    if not shown and page > 1 and settings.past_the_end == "refuse":
        raise Refused("page_too_far", "there is none")
    following = _Token(page * size, token.found if token else len(found), search)
    fields = [name for name in call.get("Fields").split(",") if name]
    return {
        "MediaList": [_describe(world, media_id, fields) for media_id in shown],
        "Total": len(found),
        **({"ScrollToken": str(following)} if kind in _CAN_SCROLL and shown else {}),
    }


def _one_of(call: Call, name: str, known: tuple[str, ...]) -> str:
    """Return a parameter's word, the first of those ``known`` where there is none."""
    word = call.get(name) or known[0]
    if word not in known:
        raise Refused("invalid_search", name)
    return word


def _number(call: Call, name: str, default: int, most: int = 2**31 - 1) -> int:
    text = call.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
        raise Refused("invalid_search", name)
    return int(text)


def _read_token(call: Call, search: str, *, can_scroll: bool) -> _Token | None:
    """Return the call's token; one that is another search's, or none at all, is refused."""
    text = call.get("ScrollToken")
    if not text:
        return None
    try:
        token = _Token(int(text[:8], 16), int(text[8:16], 16), search)
    except ValueError:
        token = None
    if token is None or not can_scroll or len(text) != _TOKEN_LENGTH or str(token) != text:
        raise Refused("invalid_search", "ScrollToken")
    return token


def _check_reach(settings: SearchSettings, token: _Token | None, end: int, size: int) -> None:
    """Refuse a page whose last record is further than can be reached."""
    if token is None:
        furthest = settings.without_token
    else:
        own = size if settings.reach_counts_own_page else 0
        furthest = min(settings.most, token.end - own + settings.reach)
    if end > furthest:
        raise Refused("page_too_far", f"record {end}, at most {furthest}")


def _page(found: list[str], start: int, end: int, *, newest_first: bool) -> list[str]:
    """Return records ``start`` to ``end`` of ``found``, which begins with the oldest."""
    if not newest_first:
        return found[start:end]
    last = len(found) - start
    return found[max(0, len(found) - end) : last][::-1] if last > 0 else []


def _describe(world: World, media_id: str, fields: list[str]) -> dict[str, Any]:
    """Return an entry: without Fields no more than id, type and time (document_detail/86991)."""
    whole = describe_media(world, media_id)
    entry = {"MediaId": media_id, "MediaType": "video", "CreationTime": whole["CreationTime"]}
    if fields:
        chosen = {name: whole[name] for name in fields if name in whole}
        entry["Video"] = {"VideoId": media_id, **chosen}
    return entry
